# SPDX-License-Identifier: Apache-2.0
"""One module per outside system that assets, sensors and schedules talk to: settings, and a way in."""
