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
#include <string>

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
    std::string pattern =
        (std::filesystem::temp_directory_path() / "rheobase-XXXXXX").string();
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
