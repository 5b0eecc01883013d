-- SPDX-License-Identifier: Apache-2.0
-- Tenants' configuration, and the life of API keys.

SELECT 1;
