# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL: roles, migrations, pools, and transactions that see one tenant only."""
