-- SPDX-License-Identifier: Apache-2.0
-- The audit chain.

SELECT 1;
