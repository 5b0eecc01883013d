# SPDX-License-Identifier: Apache-2.0
"""How a pipeline of diffusers is watched: what a call says, its stages, its steps, what comes out of it."""
