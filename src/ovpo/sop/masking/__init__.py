# SPDX-License-Identifier: Apache-2.0
"""Masks over parts of the picture, per camera: what they are, and how a video is written anew with them."""
