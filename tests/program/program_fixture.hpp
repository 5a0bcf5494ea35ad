// Shared by the whole-program tests: a private folder, small IDX data, and the built program as a child
// process without terminal and standard input.
#pragma once
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "tests/support/contains.hpp"
#include "tests/support/folder.hpp"

namespace program_test {

namespace fs = std::filesystem;
using support::contains;
using support::Folder;

inline std::string slurp(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline void spill(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

struct Result {
  int code = 0;  ///< exit status, or 128 + signal
  std::string out, err;
  long peak_kib = 0;  ///< largest resident memory
};

using Environment = std::map<std::string, std::string>;

/// A child process in `directory`, with stdin closed and stdout and stderr in files.
class Child {
 public:
  Child(const std::vector<std::string>& command, const fs::path& directory,
        const Environment& environment = {}) {
    std::vector<char*> words;
    for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
      for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
      close(STDIN_FILENO);
      if (chdir(directory.c_str()) != 0 || open("/dev/null", O_RDONLY) != STDIN_FILENO) _exit(126);
      const int out = open((files_ / "out").c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0600),
                err = open((files_ / "err").c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0600);
      if (dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0) _exit(126);
      execvp(words[0], words.data());
      _exit(127);
    }
  }
  ~Child() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  std::string out() const { return slurp(files_ / "out"); }  ///< so far
  std::string err() const { return slurp(files_ / "err"); }
  void kill(int signal) { ::kill(pid_, signal); }
  pid_t id() const { return pid_; }
  bool running() {
    siginfo_t info{};
    return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == 0;
  }
  Result wait() {
    int status = 0;
    rusage usage{};
    wait4(pid_, &status, 0, &usage);
    pid_ = -1;
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), slurp(files_ / "out"),
            slurp(files_ / "err"), usage.ru_maxrss};
  }

 private:
  Folder files_;
  pid_t pid_ = -1;
};

inline Result run(const std::vector<std::string>& command, const fs::path& directory,
                  const Environment& environment = {}) {
  return Child(command, directory, environment).wait();
}

/// Runs a Python script with h5py and numpy (as np) imported.
inline Result python(const Folder& folder, const std::string& script) {
  return run({"/usr/bin/python3", "-c", "import numpy as np, h5py\n" + script}, folder.path);
}

/// The words of a `metalearn` command line.
inline std::vector<std::string> program(std::vector<std::string> words) {
  words.insert(words.begin(), METALEARN_PROGRAM);
  return words;
}

/// A command line with the value of --option replaced.
inline std::vector<std::string> with(std::vector<std::string> words, const std::string& option,
                                     const std::string& value) {
  *(std::find(words.begin(), words.end(), option) + 1) = value;
  return words;
}

/// Changes one bit in the middle of a file.
inline void damage(const fs::path& path) {
  std::string bytes = slurp(path);
  bytes[bytes.size() / 2] ^= 1;
  spill(path, bytes);
}

inline std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 255);
  return bytes;
}

/// Images of 14 x 14 in which class c is a bright square at its own place, with noise; IDX files like
/// MNIST's.
struct IdxImages {
  int classes = 4, per_class = 40;
  std::uint32_t noise = 1;

  int count() const { return classes * per_class; }
  std::string images() const {
    std::string bytes =
        big_endian(0x803) + big_endian(static_cast<std::uint32_t>(count())) + big_endian(14) + big_endian(14);
    std::uint32_t state = noise;
    for (int i = 0; i < count(); ++i)
      for (int y = 0; y < 14; ++y)
        for (int x = 0; x < 14; ++x) {
          state = state * 1664525u + 1013904223u;
          const int c = i % classes;
          const bool inside = y / 4 == c / 3 && x / 4 == c % 3;
          bytes += static_cast<char>((inside ? 180 : 20) + static_cast<int>(state >> 26));
        }
    return bytes;
  }
  std::string labels() const {
    std::string bytes = big_endian(0x801) + big_endian(static_cast<std::uint32_t>(count()));
    for (int i = 0; i < count(); ++i) bytes += static_cast<char>(i % classes);
    return bytes;
  }
  void write(const fs::path& directory) const {
    for (const char* part : {"train", "t10k"}) {
      spill(directory / (std::string(part) + "-images-idx3-ubyte"), images());
      spill(directory / (std::string(part) + "-labels-idx1-ubyte"), labels());
    }
  }
};

/// The words of a text, separated by white space.
inline std::vector<std::string> split(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

/// A training that takes a second or two: `metalearn train --run RUN ...`.
inline std::vector<std::string> tiny_training(const std::string& run, const std::string& data,
                                              const std::vector<std::string>& more = {}) {
  std::vector<std::string> words = {"train", "--run", run, "--data", data};
  for (const char* group : {"--updates 6 --tasks 2 --in-flight 3 --batch 8",
                            "--window-min 1 --window-max 3 --length-min 3 --length-max 6",
                            "--h-size 4 --top-size 4 --delta-size 3 --grad-channels 2 --representation 8",
                            "--hidden-min 1 --hidden-max 1 --width-min 8 --width-max 16",
                            "--classes-max 4 --labels-per-class 4 --validate-every 0 --save-every 1000000"})
    for (std::string& word : split(group)) words.push_back(std::move(word));
  words.insert(words.end(), more.begin(), more.end());
  return program(std::move(words));
}

/// The snapshots under a run directory, oldest first.
inline std::vector<fs::path> snapshots(const fs::path& run) {
  std::vector<fs::path> found;
  if (fs::exists(run))
    for (const auto& entry : fs::recursive_directory_iterator(run))
      if (entry.path().extension() == ".h5") found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace program_test
