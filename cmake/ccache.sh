#!/bin/sh
# ccache.sh - runs the compiler through ccache, with what precompiled headers need, and so that clones share their
# objects whatever folder they are in.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
root=$(cd "$(dirname "$0")/.." && pwd)
export CCACHE_BASEDIR="$root" CCACHE_NOHASHDIR=1
# The precompiled header holds absolute paths: what stands beside it says what is in it.
export CCACHE_PCH_EXTSUM=1
export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
exec ccache "$@"
