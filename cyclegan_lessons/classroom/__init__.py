"""Progress, check-in and a teacher's overview; all of it stays on this computer."""
