# SPDX-License-Identifier: Apache-2.0
"""Programs to read, run and copy from: how a pipeline tells its runs to the observatory."""
