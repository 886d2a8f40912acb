"""Segments (人群): who belongs, by what is known of them, asked inside the database."""
