"""The parts of one machine's stack: installed, started, watched and stopped."""
