"""The checkpoint's file: what is saved comes back, and a damaged file is told by its name."""

import copy
import dataclasses
import errno
import json
import os
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from sk_swat.latent.autoencoder import Autoencoder
from sk_swat.latent.checkpoint import FORMAT, FORMAT_VERSION, default_path, load_checkpoint, save_checkpoint


def header_of(path):
    with safe_open(path, "pt") as file:
        return json.loads(file.metadata()["sk_swat"])


def rewrite(source, target, **changes):
    """Copy of a checkpoint with some entries of its header changed (None: left out)."""
    header = {key: value for key, value in (header_of(source) | changes).items() if value is not None}
    save_file(load_file(source), target, metadata={"sk_swat": json.dumps(header)})
    return target


def test_weights_come_back_in_half_precision(tiny_checkpoint, lively_autoencoder):
    loaded = load_checkpoint(tiny_checkpoint).autoencoder.state_dict()
    saved = lively_autoencoder.state_dict()
    assert loaded.keys() == saved.keys()
    for name, part in saved.items():
        assert loaded[name].dtype == torch.float32
        torch.testing.assert_close(loaded[name], part, rtol=2**-11, atol=2**-24)


def test_loaded_autoencoder_decodes_what_the_saved_one_decodes(tiny_checkpoint, lively_autoencoder, tiny_bank):
    latent, mask = tiny_bank.latents(torch.arange(8)), torch.ones(8, 8)
    with torch.no_grad():
        expected = lively_autoencoder.decode(latent, mask)
        decoded = load_checkpoint(tiny_checkpoint).autoencoder.decode(latent, mask)
    for depth, raw in expected.items():
        torch.testing.assert_close(decoded[depth].columns, raw.columns, rtol=0, atol=1e-2)


def test_loaded_autoencoder_is_for_evaluation_only(tiny_checkpoint):
    autoencoder = load_checkpoint(tiny_checkpoint).autoencoder
    assert not autoencoder.training
    assert not any(part.requires_grad or part.is_meta for part in autoencoder.parameters())


def test_bank_and_summary_come_back_exactly(tiny_checkpoint, tiny_bank):
    loaded = load_checkpoint(tiny_checkpoint)
    assert loaded.summary == {"purpose": "tests"}
    assert len(loaded.bank) == len(tiny_bank) == 32
    expected = tiny_bank.tensors()
    assert expected.keys() == loaded.bank.tensors().keys()
    assert all(torch.equal(part, expected[name]) for name, part in loaded.bank.tensors().items())


def test_header_holds_format_configuration_and_summary(tiny_checkpoint, tiny_config):
    header = header_of(tiny_checkpoint)
    assert (header["format"], header["version"]) == (FORMAT, FORMAT_VERSION)
    assert header["config"] == json.loads(json.dumps(tiny_config.to_dict()))
    assert header["summary"] == {"purpose": "tests"}
    assert header["fingerprint"] == load_checkpoint(tiny_checkpoint).fingerprint


def test_file_is_read_once_a_process_and_again_when_it_changed(tmp_path, tiny_autoencoder, tiny_bank):
    path = tmp_path / "one.safetensors"
    save_checkpoint(path, tiny_autoencoder, tiny_bank, {"number": 1})
    first = load_checkpoint(path)
    assert load_checkpoint(str(path)) is first
    save_checkpoint(path, tiny_autoencoder, tiny_bank, {"number": 2})
    os.utime(path, ns=(0, 0))
    assert load_checkpoint(path).summary == {"number": 2}


@pytest.mark.usefixtures("seeded")
def test_fingerprint_changes_with_any_tensor(tmp_path, tiny_config, tiny_autoencoder, tiny_bank):
    path = tmp_path / "one.safetensors"
    before = save_checkpoint(path, tiny_autoencoder, tiny_bank, {})
    assert save_checkpoint(path, tiny_autoencoder, tiny_bank, {"other": "summary"}) == before
    other = Autoencoder(tiny_config)
    other.load_state_dict(tiny_autoencoder.state_dict())
    with torch.no_grad():
        other.encoder_rows[0, 0] += 1
    latent = tiny_bank.latent.clone()
    latent[0, 0, 0] += 1
    changed = {
        save_checkpoint(path, other, tiny_bank, {}),
        save_checkpoint(path, tiny_autoencoder, dataclasses.replace(tiny_bank, latent=latent), {}),
    }
    assert len(changed) == 2 and before not in changed


def test_saving_leaves_no_second_file(tmp_path, tiny_autoencoder, tiny_bank):
    save_checkpoint(tmp_path / "one.safetensors", tiny_autoencoder, tiny_bank, {})
    assert [path.name for path in tmp_path.iterdir()] == ["one.safetensors"]


def test_loading_draws_no_global_random_number_and_ignores_the_default_dtype(tmp_path, tiny_autoencoder, tiny_bank):
    path = tmp_path / "one.safetensors"
    save_checkpoint(path, tiny_autoencoder, tiny_bank, {})
    state = torch.random.get_rng_state()
    torch.set_default_dtype(torch.float64)
    try:
        loaded = load_checkpoint(path)
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(part.dtype == torch.float32 for part in loaded.autoencoder.parameters())


def test_bundled_checkpoint_lies_in_the_package_and_serves_every_depth():
    bundled = default_path()
    assert resources.files("sk_swat.latent").joinpath("checkpoints", bundled.name).is_file()
    loaded = load_checkpoint()
    assert load_checkpoint(bundled) is loaded
    assert loaded.autoencoder.config.max_depth == 4 and isinstance(loaded.summary, dict)
    # of one input on: a table of one column has starts at every depth
    assert all(((loaded.bank.depth == depth) & (loaded.bank.n_inputs == 1)).any() for depth in range(1, 5))


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"checkpoint must be a file .* none at '.*absent.safetensors'"):
        load_checkpoint(tmp_path / "absent.safetensors")
    with pytest.raises(FileNotFoundError, match="checkpoint must be a file"):
        load_checkpoint(tmp_path)


def test_a_number_is_no_path():
    with pytest.raises(TypeError, match="checkpoint must be a path or None, got 5 of type int"):
        load_checkpoint(5)


@pytest.mark.parametrize("share", [0, 0.001, 0.01, 0.5, 0.999])
def test_truncated_file_is_damaged(tmp_path, tiny_checkpoint, share):
    path, content = tmp_path / "cut.safetensors", tiny_checkpoint.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=r"checkpoint '.*cut.safetensors' is damaged or not a safetensors file"):
        load_checkpoint(path)


def test_one_flipped_bit_among_the_tensors_is_found(tmp_path, tiny_checkpoint):
    content = bytearray(tiny_checkpoint.read_bytes())
    content[-1000] ^= 1
    path = tmp_path / "flipped.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"flipped.safetensors' is damaged: its tensors do not match"):
        load_checkpoint(path)


def test_a_flipped_bit_in_the_header_loads_the_same_tensors_or_says_so(tmp_path, tiny_checkpoint):
    content = tiny_checkpoint.read_bytes()
    expected = load_checkpoint(tiny_checkpoint)
    end = 8 + int.from_bytes(content[:8], "little")
    path = tmp_path / "flipped.safetensors"
    refused = 0
    positions = np.random.default_rng(0).choice(end, 100, replace=False)
    for position in positions:
        flipped = bytearray(content)
        flipped[position] ^= 4
        path.write_bytes(flipped)
        os.utime(path, ns=(0, int(position)))
        try:
            loaded = load_checkpoint(path)
        except ValueError as error:
            refused += 1
            assert "flipped.safetensors'" in str(error)
        else:
            assert loaded.fingerprint == expected.fingerprint
    assert refused > 80


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_foreign_safetensors_file_is_told(tmp_path, metadata):
    path = tmp_path / "foreign.safetensors"
    save_file({"weight": torch.zeros(3)}, path, metadata)
    with pytest.raises(
        ValueError, match=r"foreign.safetensors' must have been written by `python -m sk_swat.pretraining train`"
    ):
        load_checkpoint(path)


def test_safetensors_file_of_a_type_without_a_torch_type_is_told(tmp_path):
    header = json.dumps({"weight": {"dtype": "F6_E2M3", "shape": [4], "data_offsets": [0, 3]}}).encode()
    path = tmp_path / "odd.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"abc")
    with pytest.raises(ValueError, match=r"odd.safetensors' is damaged or not a safetensors file .*; replace it"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    "content", [b"A text.\n" * 100, b'{"format": "sk_swat.autoencoder"}', b"\x00" * 64, b"\xff" * 64]
)
def test_file_of_another_kind_is_told(tmp_path, content):
    path = tmp_path / "other.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"other.safetensors' is damaged or not a safetensors file"):
        load_checkpoint(path)


@pytest.mark.parametrize("seed", range(20))
def test_random_bytes_are_told(tmp_path, seed):
    rng = np.random.default_rng(seed)
    path = tmp_path / "random.safetensors"
    path.write_bytes(rng.bytes(rng.integers(1, 1000)))
    with pytest.raises(ValueError, match=r"random.safetensors' is damaged or not a safetensors file"):
        load_checkpoint(path)


def test_torch_file_is_told(tmp_path, tiny_autoencoder):
    path = tmp_path / "model.pt"
    torch.save(tiny_autoencoder.state_dict(), path)
    with pytest.raises(ValueError, match=r"model.pt' is damaged or not a safetensors file .*; replace it"):
        load_checkpoint(path)


@pytest.mark.parametrize("header", ["[]", "3", "null", '"text"', "{", ""])
def test_header_that_is_no_json_object_is_told(tmp_path, tiny_checkpoint, header):
    path = tmp_path / "odd.safetensors"
    save_file(load_file(tiny_checkpoint), path, metadata={"sk_swat": header})
    with pytest.raises(ValueError, match=r"odd.safetensors' is damaged: its header is no JSON object .*; replace it"):
        load_checkpoint(path)


def test_file_that_may_not_be_read_is_told(tmp_path, tiny_checkpoint, monkeypatch):
    def refuse(self):
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    path = tmp_path / "locked.safetensors"
    path.write_bytes(tiny_checkpoint.read_bytes())
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(OSError, match=r"locked.safetensors' must be a file that can be read, got 'Permission denied'"):
        load_checkpoint(path)


def test_what_happens_to_the_file_later_does_not_change_a_loaded_checkpoint(tmp_path, tiny_checkpoint):
    path = tmp_path / "one.safetensors"
    path.write_bytes(tiny_checkpoint.read_bytes())
    loaded = load_checkpoint(path)
    before = {name: part.clone() for name, part in loaded.bank.tensors().items()}
    with open(path, "r+b") as file:
        file.write(b"\x01" * path.stat().st_size)
        file.truncate(100)
    assert all(torch.equal(part, before[name]) for name, part in loaded.bank.tensors().items())


def test_relative_path_names_a_file_of_the_present_folder(tmp_path, tiny_autoencoder, tiny_bank, monkeypatch):
    for number in (1, 2):
        folder = tmp_path / str(number)
        folder.mkdir()
        save_checkpoint(folder / "one.safetensors", tiny_autoencoder, tiny_bank, {"number": number})
        os.utime(folder / "one.safetensors", ns=(0, 0))
        monkeypatch.chdir(folder)
        assert load_checkpoint("one.safetensors").summary == {"number": number}


def test_weights_beyond_half_precision_are_not_saved(tmp_path, tiny_autoencoder, tiny_bank):
    autoencoder = copy.deepcopy(tiny_autoencoder)
    for value in (1e5, np.nan):
        with torch.no_grad():
            autoencoder.encoder_rows[0, 0] = value
        with pytest.raises(
            ValueError, match=r"checkpoint must hold finite numbers .* got others in autoencoder.encoder_"
        ):
            save_checkpoint(tmp_path / "one.safetensors", autoencoder, tiny_bank, {})
    assert not list(tmp_path.iterdir())


def test_other_version_is_told(tmp_path, tiny_checkpoint):
    path = rewrite(tiny_checkpoint, tmp_path / "new.safetensors", version=99)
    with pytest.raises(
        ValueError, match=rf"must be of format sk_swat.autoencoder version {FORMAT_VERSION}, got .* version 99"
    ):
        load_checkpoint(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"config": None},
        {"summary": None},
        {"config": {"wings": 2}},
        {"config": {"max_width": 9, "activations": ["tanh"]}},
    ],
)
def test_header_that_does_not_fit_the_tensors_is_told(tmp_path, tiny_checkpoint, changes):
    path = rewrite(tiny_checkpoint, tmp_path / "odd.safetensors", **changes)
    with pytest.raises(ValueError, match=r"odd.safetensors' is damaged, or of another version: header and tensors"):
        load_checkpoint(path)
