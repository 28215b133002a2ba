"""Names of four types, well known and less known, none of which is also common as another type."""

from __future__ import annotations

from collections.abc import Mapping

NAMES: Mapping[str, tuple[str, ...]] = {
    "person": (
        "Marie Curie", "Nelson Mandela", "Serena Williams", "Albert Einstein", "Frida Kahlo", "David Bowie",
        "Angela Merkel", "Jane Austen", "Isaac Newton", "Maya Angelou", "Pablo Picasso", "Agatha Christie",
        "Mrs Whitfield", "Tom Hadley", "Priya Raman", "Diego Fuentes", "Hannah Osei", "Yusuf Demir",
        "Clara Lindqvist", "Peter Novotny", "Mei Tanaka", "Dr Abbott", "Lucy Marsh", "Ivan Horvat",
        "Sofia Greco", "Ahmed Nasser", "Grace Mbeki", "Oliver Stern", "Rosa Alvarez", "Henry Cooper",
    ),
    "organization": (
        "Greenpeace", "Siemens", "UNICEF", "Toyota", "NATO", "Microsoft",
        "the Red Cross", "Goldman Sachs", "Harvard University", "the World Bank", "Boeing", "Amnesty International",
        "Brightwater Bank", "the Teachers' Union", "Halvorsen Steel", "the Rivers Trust", "Pinegate Insurance",
        "the Chess Federation", "Marlow Brothers Ltd", "the Health Ministry", "Coastline Airways", "Stanton College",
        "the Weather Service", "Quarry Lane School", "Norfield Hospital Trust", "the Farmers' Association",
        "Redwood Publishing", "the Fire Department", "Oakham Football Club", "the Film Board",
    ),
    "place": (
        "Lisbon", "Kenya", "Mount Fuji", "Brooklyn", "Lake Geneva", "Scotland",
        "Mumbai", "the Sahara", "Iceland", "Barcelona", "the Amazon rainforest", "Peru",
        "Ashby Hill", "Port Ellery", "the Harrow Valley", "Norwell", "Cape Maren", "Saltmarsh Bay",
        "Dunmore Forest", "Elm Street", "Upper Kelby", "Lake Torrin", "the Balder Pass", "Fernside",
        "Kingsbridge Square", "the Isle of Moth", "Westerly", "Old Harbour Road", "Mill Creek", "Stone Island",
    ),
    "product": (
        "MacBook", "PlayStation", "Kindle", "Lego set", "Sony radio", "Gibson banjo",
        "Game Boy", "GoPro", "Walkman", "Roomba", "ThinkPad", "Galaxy phone",
        "Rubik's Cube", "Polaroid camera", "Barbie doll", "Swatch watch", "Fitbit", "Furby",
        "Zippo lighter", "Casio calculator", "Moleskine notebook", "Thermos flask", "Parker pen", "Tamagotchi",
        "Nespresso machine", "Canon printer", "Dyson fan", "Nokia phone", "Leatherman knife", "Fender guitar",
    ),
}  # fmt: skip
"""Type → names."""
