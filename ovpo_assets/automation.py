# SPDX-License-Identifier: Apache-2.0
"""Whether schedules and sensors start together with the stack: the one switch, read once a process."""

import dagster as dg

from ovpo.foundation.settings.load import load

ON = load().dagster.automation
SENSORS = dg.DefaultSensorStatus.RUNNING if ON else dg.DefaultSensorStatus.STOPPED
SCHEDULES = dg.DefaultScheduleStatus.RUNNING if ON else dg.DefaultScheduleStatus.STOPPED
