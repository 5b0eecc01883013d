-- SPDX-License-Identifier: Apache-2.0
-- What the query API keeps and finds its way by.

SELECT 1;
