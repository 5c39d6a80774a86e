//===- TestSupport.h - Files and statuses in tests --------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_TEST_UNIT_RUNTIME_TESTSUPPORT_H
#define RHEOBASE_TEST_UNIT_RUNTIME_TESTSUPPORT_H

#include "rheobase/Runtime/Status.h"
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <unistd.h>

#define EXPECT_OK(expression)                                                  \
  do {                                                                         \
    ::rheobase::rt::Status testStatus = (expression);                          \
    EXPECT_TRUE(testStatus.ok()) << testStatus.message();                      \
  } while (false)
#define ASSERT_OK(expression)                                                  \
  do {                                                                         \
    ::rheobase::rt::Status testStatus = (expression);                          \
    ASSERT_TRUE(testStatus.ok()) << testStatus.message();                      \
  } while (false)
/// The status has this code and exactly this message.
#define EXPECT_ERROR(expression, expectedCode, expectedText)                   \
  do {                                                                         \
    ::rheobase::rt::Status testStatus = (expression);                          \
    EXPECT_EQ(testStatus.code(), expectedCode);                                \
    EXPECT_EQ(testStatus.message(), expectedText);                             \
  } while (false)

/// A folder that is removed with its contents.
class TemporaryFolder {
public:
  TemporaryFolder() {
    // In memory where there is such a place: the tests write thousands of
    // files.
    std::filesystem::path parent = "/dev/shm";
    if (access(parent.c_str(), W_OK) != 0)
      parent = std::filesystem::temp_directory_path();
    std::string pattern = (parent / "rheobase-XXXXXX").string();
    folder = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }
  std::string operator/(const std::string &name) const {
    return folder + "/" + name;
  }
  /// Names of the files, to see that nothing was left behind.
  int count() const {
    return int(std::distance(std::filesystem::directory_iterator(folder), {}));
  }

private:
  std::string folder;
};

/// Calls `use` with copies of `text` in which a few bytes are others, or
/// missing, or doubled; the same ones in every run.
template <typename Use> void forEachMutation(const std::string &text, Use use) {
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    std::string changed = text;
    for (uint32_t k = 0; k <= random() % 3; ++k) {
      size_t at = random() % changed.size();
      switch (random() % 4) {
      case 0:
        changed[at] = char(random());
        break;
      case 1:
        changed[at] = "0123456789-[]{}(),\"'\xff"[random() % 21];
        break;
      case 2:
        changed.erase(at, 1);
        break;
      default:
        changed.insert(at, 1, changed[at]);
      }
    }
    use(changed);
  }
}

inline void writeFile(const std::string &path, const std::string &text) {
  FILE *file = fopen(path.c_str(), "wb");
  ASSERT_NE(file, nullptr) << path;
  ASSERT_EQ(fwrite(text.data(), 1, text.size(), file), text.size());
  fclose(file);
}

inline std::string readFile(const std::string &path) {
  FILE *file = fopen(path.c_str(), "rb");
  if (!file)
    return "<cannot open " + path + ">";
  std::string text;
  char buffer[4096];
  size_t got;
  while ((got = fread(buffer, 1, sizeof(buffer), file)) > 0)
    text.append(buffer, got);
  fclose(file);
  return text;
}

#endif // RHEOBASE_TEST_UNIT_RUNTIME_TESTSUPPORT_H
