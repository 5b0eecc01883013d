-- SPDX-License-Identifier: Apache-2.0
-- Alerts: what fires, since when, and what it said.

SELECT 1;
