"""Looking at what arrived, and editing a copy of it: elements, texts, images, differences."""
