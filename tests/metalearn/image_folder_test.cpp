#include "metalearn/data/formats/image_folder.hpp"
#include "metalearn/data/sources/load_dataset.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "metalearn/data/formats/image_file.hpp"
#include "metalearn/data/overlap.hpp"

#ifdef METALEARN_PICTURES
#include "picture_fixture.hpp"

using namespace metalearn;
using namespace fixture;

namespace {

/// `count` PNG pictures of 4 x 6 in a class folder; picture i is (10 i, shade, 0) everywhere.
void write_class(const std::filesystem::path& folder, int count, std::uint8_t shade) {
  std::filesystem::create_directories(folder);
  for (int i = 0; i < count; ++i)
    write(folder / (std::to_string(100 + i) + ".png"),
          png(4, 6, 3, plain(4, 6, static_cast<std::uint8_t>(10 * i), shade, 0)));
}

std::shared_ptr<const Dataset> load(const TempFolder& folder, bool colour = false) {
  return load_dataset("mine=" + folder.string(), {.colour = colour});
}

}  // namespace

TEST_CASE("PNG and JPEG pictures are decoded by what they hold, not by their names") {
  const Bytes grey = png(2, 3, 1, {0, 50, 100, 150, 200, 250});
  const Picture a = decode_picture(grey, "a");
  CHECK(a.height == 2);
  CHECK(a.width == 3);
  CHECK(a.planes == Bytes{0, 50, 100, 150, 200, 250, 0, 50, 100, 150, 200, 250, 0, 50, 100, 150, 200, 250});
  const Picture b = decode_picture(png(1, 2, 3, {1, 2, 3, 4, 5, 6}), "b");
  CHECK(b.planes == Bytes{1, 4, 2, 5, 3, 6});
  CHECK(decode_picture(png(1, 1, 4, {200, 100, 50, 0}), "transparent").planes == Bytes{255, 255, 255});
  const Picture c = decode_picture(jpeg(16, 8, plain(16, 8, 200, 30, 90)), "c");
  CHECK(c.height == 16);
  CHECK(c.width == 8);
  CHECK(std::abs(c.planes[0] - 200) <= 2);
  CHECK(std::abs(c.planes[16 * 8] - 30) <= 2);
  CHECK(std::abs(c.planes[2 * 16 * 8] - 90) <= 2);
}

TEST_CASE("a picture that can't be decoded is refused in one line that names it") {
  std::string message;
  const Bytes good = png(20, 20, 3, plain(20, 20, 1, 2, 3)), photo = jpeg(32, 32, plain(32, 32, 9, 100, 30));
  for (const Bytes* whole : {&good, &photo})
    for (std::size_t kept : {whole->size() / 2, whole->size() - 20, std::size_t{12}}) {
      CAPTURE(kept);
      CHECK(exit_code([&] { decode_picture(std::span(*whole).first(kept), "x/7.png"); }, message) == 65);
      CHECK_MESSAGE(contains(message, "x/7.png: truncated or damaged"), message);
      CHECK(std::count(message.begin(), message.end(), '\n') == 0);
    }
  CHECK(exit_code([&] { decode_picture({}, "e.png"); }, message) == 65);
  CHECK_MESSAGE(contains(message, "e.png: is empty"), message);
  CHECK(exit_code([&] { decode_picture(Bytes{'G', 'I', 'F', '8'}, "g.png"); }, message) == 65);
  CHECK_MESSAGE(contains(message, "neither a PNG nor a JPEG"), message);
  CHECK(exit_code([&] { decode_picture(png(1, 5000, 1, Bytes(5000)), "wide.png"); }, message) == 65);
  CHECK_MESSAGE(contains(message, "wide.png: a picture of 1 x 5000 pixels"), message);
  CHECK(exit_code([&] { decode_picture(jpeg(8, 8, Bytes(8 * 8 * 4, 7), true), "print.jpg"); }, message) ==
        65);
  CHECK_MESSAGE(contains(message, "CMYK"), message);
}

TEST_CASE("class folders of pictures are a data set: classes and files by name, grey by luminance") {
  const TempFolder folder;
  write_class(folder / "cat", 25, 40);
  write_class(folder / "ant", 25, 80);
  write(folder / "ant/notes.md", {'x'});
  write(folder / "ant/.hidden.png", {'x'});
  write(folder / "readme.txt", {'x'});
  const auto data = load(folder);
  CHECK(data->kind == "pictures in class folders");
  CHECK(data->class_names == std::vector<std::string>{"ant", "cat"});
  CHECK(data->train.height == 4);
  CHECK(data->train.width == 6);
  CHECK(data->train.channels == 1);
  CHECK(data->train.count() ==
        26);  // 13 of each class: the test split gets half, since a fifth would be fewer than 20
  CHECK(data->test.count() == 24);
  CHECK(data->train.pixels.size() == 26 * 24);
  for (const auto* set : {&data->train, &data->test})
    for (std::int64_t i = 0; i < set->count(); ++i) {
      const int shade = set->labels[static_cast<std::size_t>(i)] == 0 ? 80 : 40;
      const int red =
          (static_cast<int>(set->pixels[static_cast<std::size_t>(24 * i)]) * 1000 - 587 * shade) / 299;
      CHECK(std::abs(red - (red + 5) / 10 * 10) <= 3);
    }
  REQUIRE(data->provenance.size() == 1);
  CHECK(data->provenance[0].find("train: 50 files crc32 ") == 0);
  CHECK(load(folder)->provenance == data->provenance);
}

TEST_CASE(
    "a picture stays in its part of the split when others come, and the folder's note says how much each "
    "class gives") {
  const TempFolder folder;
  for (const char* c : {"ant", "bee"}) {
    std::filesystem::create_directories(folder / c);
    for (int i = 0; i < 200; ++i)
      write(folder / c / (std::to_string(1000 + i) + ".png"),
            png(1, 2, 3, {static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(c[0]), 9, 1, 1, 1}));
  }
  const auto tested = [&] {
    const auto data = load(folder, true);
    CHECK(contains(data->split_note, "a fixed hashed fifth of each class is the test split"));
    CHECK(contains(data->split_note, "(a hashed tenth of train (at least 20"));
    std::set<std::pair<std::int32_t, std::uint8_t>> shades;
    for (std::int64_t i = 0; i < data->test.count(); ++i)
      shades.emplace(data->test.labels[static_cast<std::size_t>(i)],
                     data->test.pixels[static_cast<std::size_t>(6 * i)]);
    return shades;
  };
  const auto before = tested();
  write(folder / "ant/000.png", png(1, 2, 3, {250, 'a', 9, 1, 1, 1}));  // comes first
  const auto after = tested();
  std::size_t kept = 0;
  for (const auto& shade : before) kept += after.count(shade);
  CHECK(before.size() == 80);
  CHECK(kept >= 79);  // one may make room for the new one
}

TEST_CASE("folders train and val are two parts where there is no test; a part read alone is the same part") {
  const TempFolder folder;
  for (const char* part : {"train", "val"})
    for (const char* c : {"a", "b"}) write_class(folder / part / c, 20, part[0] == 't' ? 40 : 90);
  const auto data = load(folder);
  CHECK(data->train.count() == 40);
  CHECK(data->test.count() == 40);
  CHECK(contains(data->split_note, "folders train and val"));
  const auto alone = load_dataset("part=" + (folder / "train").string());
  CHECK(shared_files(data->provenance, alone->provenance) == alone->provenance);
  for (const char* c : {"a", "b"}) write_class(folder / "test" / c, 21, 70);
  const auto three = load(folder);
  CHECK(three->test.count() == 42);
  CHECK(contains(three->split_note, "folders train and test (val is not read)"));
}

TEST_CASE("in colour, pictures keep their channels unless all are grey") {
  const TempFolder folder;
  write_class(folder / "a", 20, 40);
  write_class(folder / "b", 20, 80);
  const auto data = load(folder, true);
  CHECK(data->train.channels == 3);
  CHECK(data->train.inputs(14) == 3 * 14 * 14);
  CHECK(data->train.pixels[24] == (data->train.labels[0] == 0 ? 40 : 80));
  const TempFolder greys;
  for (const char* c : {"a", "b"}) {
    std::filesystem::create_directories(greys / c);
    for (int i = 0; i < 20; ++i)
      write(greys / c / (std::to_string(i) + ".PNG"), png(2, 2, 1, {1, 2, 3, static_cast<std::uint8_t>(i)}));
  }
  const auto grey = load(greys, true);
  CHECK(grey->train.channels == 1);
  CHECK(grey->train.pixels.size() == static_cast<std::size_t>(grey->train.count()) * 4);
  CHECK(std::vector<std::uint8_t>(grey->train.pixels.begin() + 4, grey->train.pixels.begin() + 7) ==
        Bytes{1, 2, 3});
}

TEST_CASE("folders train and test are the splits; a class may be called train") {
  const TempFolder folder;
  for (const char* c : {"a", "b"}) {
    write_class(folder / "train" / c, 45, 40);
    write_class(folder / "test" / c, 20, 40);
  }
  const auto data = load(folder);
  CHECK(data->train.count() + data->validation.count() == 90);
  CHECK(data->test.count() == 40);
  CHECK(data->split_note.find("folders train and test") == 0);
  const TempFolder vehicles;
  write_class(vehicles / "train", 20, 1);
  write_class(vehicles / "bus", 20, 2);
  CHECK(load(vehicles)->class_names == std::vector<std::string>{"bus", "train"});
}

TEST_CASE("mixed sizes, an empty class, a missing class and too few pictures are refused by name") {
  std::string message;
  const TempFolder folder;
  write_class(folder / "a", 20, 40);
  write_class(folder / "b", 20, 80);
  write(folder / "b/zz.png", png(5, 6, 3, plain(5, 6, 1, 1, 1)));
  CHECK(exit_code([&] { load(folder); }, message) == 65);
  CHECK_MESSAGE(contains(message, "b/zz.png: 5 x 6 pixels, but"), message);
  CHECK_MESSAGE(contains(message, "a/100.png has 4 x 6"), message);
  std::filesystem::remove(folder / "b/zz.png");
  std::filesystem::create_directories(folder / "empty");
  CHECK(exit_code([&] { load(folder); }, message) == 65);
  CHECK_MESSAGE(contains(message, "/empty: no files in this class"), message);
  std::filesystem::remove(folder / "empty");
  write_class(folder / "c", 3, 80);
  CHECK(exit_code([&] { load(folder); }, message) == 65);
  CHECK_MESSAGE(contains(message, "fewer than 20 examples in class 'c' (3 found)"), message);
  const TempFolder parts;
  write_class(parts / "train/a", 20, 40);
  write_class(parts / "train/b", 20, 40);
  write_class(parts / "test/a", 20, 40);
  CHECK(exit_code([&] { load(parts); }, message) == 65);
  CHECK_MESSAGE(contains(message, "(test): fewer than 20 examples in class 'b' (0 found)"), message);
}

TEST_CASE("EXIF's orientation is applied to a JPEG, in either byte order, and a wrong one is ignored") {
  // 16 x 8 pixels with a light top left corner, dark elsewhere.
  constexpr int kHeight = 16, kWidth = 8;
  Bytes pixels(3 * kHeight * kWidth, 20);
  for (int y = 0; y < 8; ++y)
    for (int x = 0; x < 4; ++x)
      for (int c = 0; c < 3; ++c) pixels[static_cast<std::size_t>(3 * (y * kWidth + x) + c)] = 220;
  const Bytes plain_file = jpeg(kHeight, kWidth, pixels);
  const auto tagged = [&](std::uint8_t orientation, bool big_endian) {
    Bytes exif = {0xff, 0xe1, 0, 34, 'E', 'x', 'i', 'f', 0, 0};
    if (big_endian)
      exif.insert(exif.end(),
                  {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0});
    else
      exif.insert(exif.end(),
                  {'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0});
    exif.insert(exif.end(), 4, 0);  // no other directory
    Bytes file = plain_file;
    file.insert(file.begin() + 2, exif.begin(), exif.end());
    return file;
  };
  struct Corner {
    bool is_bottom, is_right;
  };
  const Corner corners[] = {{false, false}, {false, true}, {true, true}, {true, false},
                            {false, false}, {false, true}, {true, true}, {true, false}};  // of 1 to 8
  for (std::uint8_t orientation = 1; orientation <= 8; ++orientation)
    for (const bool big_endian : {false, true}) {
      CAPTURE(orientation);
      const Picture shown = decode_picture(tagged(orientation, big_endian), "x.jpg");
      CHECK(shown.height == (orientation < 5 ? kHeight : kWidth));
      CHECK(shown.width == (orientation < 5 ? kWidth : kHeight));
      const Corner light = corners[orientation - 1];
      for (const bool bottom : {false, true})
        for (const bool right : {false, true}) {
          const int y = bottom ? shown.height - 1 : 0, x = right ? shown.width - 1 : 0;
          const bool is_light = bottom == light.is_bottom && right == light.is_right;
          CHECK((shown.planes[static_cast<std::size_t>(y * shown.width + x)] > 120) == is_light);
        }
    }
  CHECK(decode_picture(tagged(9, false), "x.jpg").planes == decode_picture(plain_file, "x.jpg").planes);
  Bytes beyond = tagged(6, false);
  beyond[2 + 10 + 5] = 0xff;  // the directory's place lies beyond the segment
  CHECK(decode_picture(beyond, "x.jpg").height == kHeight);
}

TEST_CASE("extraneous bytes before a JPEG's marker are skipped and counted; a cut file is still refused") {
  const Bytes whole = jpeg(16, 8, plain(16, 8, 200, 30, 90));
  Bytes padded = whole;
  const std::size_t second = 4 + (static_cast<std::size_t>(whole[4]) << 8 | whole[5]);  // segment
  padded.insert(padded.begin() + static_cast<std::ptrdiff_t>(second), {1, 2, 0, 3});
  const Picture read = decode_picture(padded, "x.jpg");
  CHECK(read.planes == decode_picture(whole, "x.jpg").planes);
  CHECK(read.skipped == 4);
  Bytes at_end = whole;
  at_end.insert(at_end.end() - 2, 16, 7);
  const Picture same = decode_picture(at_end, "x.jpg");
  CHECK(same.planes == read.planes);
  CHECK(same.skipped > 0);
  std::string message;
  CHECK(exit_code([&] { decode_picture(std::span(padded).first(padded.size() - 20), "x.jpg"); }, message) ==
        65);
  const TempFolder folder;
  for (const char* c : {"a", "b"}) {
    std::filesystem::create_directories(folder / c);
    for (int i = 0; i < 20; ++i) {
      Bytes file = jpeg(16, 8, plain(16, 8, static_cast<std::uint8_t>(10 * i), 30, 90));
      if (i == 3) file.insert(file.begin() + static_cast<std::ptrdiff_t>(second), {1, 2, 0, 3});
      write(folder / c / (std::to_string(i) + ".jpg"), file);
    }
    write(folder / c / "x.webp", {1});
    write(folder / c / "y.webp", {1});
  }
  const auto data = load(folder);
  REQUIRE(data->notes.size() == 2);
  CHECK_MESSAGE(contains(data->notes[0], "left out because of their endings: 4 .webp (read are .png"),
                data->notes[0]);
  CHECK_MESSAGE(contains(data->notes[1], "2 JPEG files hold extraneous bytes"), data->notes[1]);
}

TEST_CASE("black drawings in the alpha channel stand on white; pictures that are all the same are refused") {
  const TempFolder folder;
  std::string message;
  for (const char* c : {"a", "b"}) {
    std::filesystem::create_directories(folder / c);
    for (int i = 0; i < 20; ++i)
      write(folder / c / (std::to_string(i) + ".png"),
            png(1, 2, 4, {0, 0, 0, static_cast<std::uint8_t>(10 * i), 0, 0, 0, 0}));
  }
  const auto data = load(folder);
  for (std::size_t i = 0; i < data->train.pixels.size(); i += 2) CHECK(data->train.pixels[i + 1] == 255);
  const auto [low, high] = std::minmax_element(data->train.pixels.begin(), data->train.pixels.end());
  CHECK(*low < 150);
  for (const char* c : {"a", "b"})
    for (int i = 0; i < 20; ++i)
      write(folder / c / (std::to_string(i) + ".png"), png(1, 2, 4, {255, 255, 255, 9, 0, 0, 0, 0}));
  CHECK(exit_code([&] { load(folder); }, message) == 65);
  CHECK_MESSAGE(contains(message, "data 'mine': no input varies in the train split"), message);
}
#endif
