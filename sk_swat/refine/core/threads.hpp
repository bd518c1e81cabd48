// Work on many networks side by side. The calling thread works as well, and is the only one that asks whether to stop.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "refine.hpp"

namespace sk_swat {

class Crew {
    using Clock = std::chrono::steady_clock;

  public:
    // `ask` says whether to stop, or throws; the thread that calls `each` asks it after so many seconds each time.
    Crew(const Kernels& kernels, int n_threads, std::function<bool()> ask, double ask_every)
        : kernels_(kernels),
          n_threads_(n_threads),
          ask_(std::move(ask)),
          pause_(std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(ask_every))) {}

    // Call work(item, worker) for all items; the first exception, of any thread, stops all and is thrown at the end.
    // No item is begun after it; after a stop that was asked for all of them are, and must end soon.
    template <class Work>
    void each(int n_items, const Work& work) {
        std::atomic<int> next{0};
        const auto run = [&](bool (*stop)(void*)) {
            Worker worker(kernels_, this, stop);
            try {
                for (int item = next++; item < n_items && !failed_; item = next++) work(item, worker);
            } catch (...) {
                fail();
            }
        };
        const auto run_beside = [&] {
            run(&Crew::told);
            const std::lock_guard<std::mutex> lock(mutex_);
            --n_working_;
            ended_.notify_one();
        };
        std::vector<std::thread> others;
        others.reserve(std::max(0, std::min(n_threads_, n_items) - 1));  // before any runs: it may throw
        for (int i = 1; i < std::min(n_threads_, n_items); ++i) {
            {
                const std::lock_guard<std::mutex> lock(mutex_);
                ++n_working_;
            }
            try {
                others.emplace_back(run_beside);
            } catch (const std::system_error&) {  // no more threads to be had: those that there are do the work
                const std::lock_guard<std::mutex> lock(mutex_);
                --n_working_;
                break;
            }
        }
        run(&Crew::asks);
        {
            std::unique_lock<std::mutex> lock(mutex_);  // the others may still work, and must hear of a stop
            while (n_working_ > 0) {
                lock.unlock();
                asks(this);
                lock.lock();
                ended_.wait_for(lock, std::chrono::milliseconds(10), [&] { return n_working_ == 0; });
            }
        }
        for (std::thread& thread : others) thread.join();
        if (failure_) std::rethrow_exception(failure_);
    }

  private:
    static bool told(void* self) { return static_cast<Crew*>(self)->stopped_.load(std::memory_order_relaxed); }

    static bool asks(void* self) {
        Crew& crew = *static_cast<Crew*>(self);
        if (told(self)) return true;
        const Clock::time_point now = Clock::now();
        if (now < crew.due_) return false;
        crew.due_ = now + crew.pause_;
        try {
            if (crew.ask_()) crew.stopped_ = true;
        } catch (...) {
            crew.fail();
        }
        return told(self);
    }

    void fail() {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (!failure_) failure_ = std::current_exception();
        failed_ = stopped_ = true;
    }

    const Kernels& kernels_;
    const int n_threads_;
    const std::function<bool()> ask_;
    const Clock::duration pause_;
    std::atomic<bool> stopped_{false}, failed_{false};
    Clock::time_point due_{};
    std::mutex mutex_;
    std::condition_variable ended_;
    int n_working_ = 0;
    std::exception_ptr failure_;
};

}  // namespace sk_swat
