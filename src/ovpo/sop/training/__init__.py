# SPDX-License-Identifier: Apache-2.0
"""How adapters are trained and chosen: the training set, a candidate, its evaluation, the champion, what is stale."""
