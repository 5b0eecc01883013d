# SPDX-License-Identifier: Apache-2.0
"""The SOP API: videos in and out, scores asked for and shown. What is long is a run's; here it is only asked for."""
