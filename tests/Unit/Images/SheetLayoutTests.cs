using StableDiffusion.Images;
using StableDiffusion.Images.Sheets;
using StableDiffusion.Settings;

namespace StableDiffusion.Tests.Images;

public sealed class SheetLayoutTests
{
    private const int Side = 64;

    [Fact]
    public void A_table_has_a_place_for_each_pair_of_values()
    {
        SheetLayout layout = SheetLayout.Table(["20", "20", "10", "5"], ["b", "a", "b", "a"], hasLabels: true);

        Assert.Equal((2, 3), (layout.Columns, layout.Rows));
        Assert.Equal([0, 1, 2, 5], layout.Cells!);
        Assert.Equal(["20", "10", "5"], layout.RowLabels!);
        Assert.Equal(["b", "a"], layout.ColumnLabels!);
        Assert.Null(SheetLayout.Table(["1"], ["2"], hasLabels: false).RowLabels);
    }

    [Fact]
    public void Rows_or_columns_alone_take_their_images_in_order()
    {
        Assert.Equal([0, 3, 1, 2], SheetLayout.Table(["x", "y", "x", "x"], null, hasLabels: true).Cells!);
        SheetLayout down = SheetLayout.Table(null, ["x", "y", "x", "x"], hasLabels: true);
        Assert.Equal([0, 1, 2, 4], down.Cells!);
        Assert.Equal((2, 3), (down.Columns, down.Rows));
    }

    [Fact]
    public void Two_images_in_one_place_are_named()
    {
        InvalidSettingException error = Assert.Throws<InvalidSettingException>(() => SheetLayout.Table(["1", "2", "1"], ["a", "a", "a"], hasLabels: true));
        Assert.Contains("Images 1 and 3 have the same place: 1, a.", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(64)]
    [InlineData(250)]
    [InlineData(512)]
    public void Images_and_labels_are_where_A1111_draws_them(int side)
    {
        DiffusionImage sheet = ImageGrid.Join([Plain(side, 10), Plain(side, 20), Plain(side, 30)], SheetLayout.Table(["r", "r", "s"], ["c", "d", "d"], hasLabels: true) with { Gap = 3 });

        // Above: half an em, the line, half an em; to the left: three quarters of an image.
        int em = 2 * side / 25, cell = Math.Max(em / 10, 1), spacing = Math.Max(em / 2, 2);
        int left = side * 3 / 4, top = (9 * cell) + (2 * spacing);
        Assert.Equal((left + (2 * side) + 3, top + (2 * side) + 3), (sheet.Width, sheet.Height));
        Assert.All(Area(sheet, left, top, side, side), static value => Assert.Equal(10, value));
        Assert.All(Area(sheet, left + side + 3, top, side, side), static value => Assert.Equal(20, value));
        Assert.All(Area(sheet, left + side + 3, top + side + 3, side, side), static value => Assert.Equal(30, value));
        Assert.All(Area(sheet, left, top + side + 3, side, side), static value => Assert.Equal(255, value));

        // Each label is black somewhere, in the middle of its place.
        AssertLabel(0, top, left, side);
        AssertLabel(0, top + side + 3, left, side);
        AssertLabel(left, 0, side, top);
        AssertLabel(left + side + 3, 0, side, top);

        void AssertLabel(int x, int y, int width, int height)
        {
            (int X, int Y)[] black = [.. from row in Enumerable.Range(y, height) from column in Enumerable.Range(x, width) where sheet.Pixels[((row * sheet.Width) + column) * 3] < 64 select (column, row)];
            Assert.NotEmpty(black);
            Assert.InRange((black.Min(static at => at.X) + black.Max(static at => at.X)) / 2.0, x + (width / 2.0) - (2 * cell), x + (width / 2.0) + (2 * cell));
            Assert.InRange(black.Min(static at => at.Y), y + ((height - (9 * cell)) / 2), y + (height / 2));
        }
    }

    [Fact]
    public void Small_letters_have_the_cells_of_the_font()
    {
        DiffusionImage sheet = ImageGrid.Join([Plain(Side, 0)], new SheetLayout { Captions = ["L"] });
        string[] rows = [.. Enumerable.Range(Side + 2, 7).Select(row => string.Concat(Enumerable.Range((Side - 5) / 2, 5).Select(column => sheet.Pixels[((row * Side) + column) * 3] == 0 ? '1' : '0')))];
        Assert.Equal(["10000", "10000", "10000", "10000", "10000", "10000", "11111"], rows);
    }

    [Theory]
    [InlineData("DPM++ 2M Karras", 64, 64, "DPM++ 2M|Karras")]
    [InlineData("DPM++2MSDEKarras", 48, 64, "DPM++2MS|DEKarras")]
    [InlineData("", 64, 64, "")]
    [InlineData("caf\u00e9 \u2013 \u201cna\u00efve\u201d\u2026", 200, 64, "cafe - \"naive\"...")]
    [InlineData("\u732b cat\u202e\u001b[31m", 200, 64, "\0 cat??[31m")]
    [InlineData("one two three four five six seven", 25, 31, "one|two|thre...")]
    [InlineData("W", 1, 1, "W")]
    public void Texts_are_wrapped_and_safe(string text, int width, int height, string lines) =>
        Assert.Equal(lines, string.Join('|', new LabelText(text, width, height, LabelText.SizeFor(Side, Side)).Lines));

    [Fact]
    public void A_long_text_is_as_high_as_an_image_at_most()
    {
        LabelSize size = LabelText.SizeFor(Side, Side);
        Assert.InRange(new LabelText(new string('m', 100_000), Side, Side, size).Height, Side - size.Pitch, Side);
    }

    [Fact]
    public void The_record_repeats_the_sheet()
    {
        SheetLayout layout = SheetLayout.Table(["r", "r", "s"], ["c", "d", "d"], hasLabels: true) with { Gap = 1, Captions = ["x", "", "z"] };
        DiffusionImage[] images = [Plain(Side, 10), Plain(Side, 20), Plain(Side, 30)];
        DiffusionImage sheet = ImageGrid.Join(images, layout);
        StageList read = System.Text.Json.JsonSerializer.Deserialize<StageList>(System.Text.Json.JsonSerializer.Serialize(sheet.Info.Stages))!;

        Assert.Equal(sheet.Pixels, ImageGrid.Join(images, SheetLayout.Of(read[^1])).Pixels);
        Assert.Equal(3, read[^1].Inputs["Image"].Count);
        Assert.Equal(sheet.Info.Stages![^1].Output, read[^1].Output);
    }

    [Theory]
    [InlineData("Cells", new[] { 0.0, 1.0 })]
    [InlineData("Cells", new[] { 0.0, 1.0, 1.0 })]
    [InlineData("Cells", new[] { 0.0, 1.0, -1.0 })]
    [InlineData("Cells", new[] { 0.0, 1.0, 4e9 })]
    [InlineData("Cells", new[] { 0.0, 1.0, 4.0 })]
    [InlineData("Rows", -1L)]
    [InlineData("Rows", 2_000_000_000L)]
    [InlineData("RowLabels", new[] { "a" })]
    [InlineData("ColumnLabels", new[] { "a", "b", "c" })]
    [InlineData("Captions", new[] { "a" })]
    public void A_damaged_record_is_refused(string setting, object value)
    {
        GenerationStage stage = new()
        {
            Operation = StageOperation.Join,
            Settings = new Dictionary<string, object> { ["Columns"] = 2L, ["Rows"] = 2L, ["Gap"] = 0L, [setting] = value },
        };
        Assert.Equal(setting, Assert.Throws<InvalidSettingException>(() => ImageGrid.Join([Plain(2, 1), Plain(2, 2), Plain(2, 3)], SheetLayout.Of(stage))).Setting);
    }

    private static DiffusionImage Plain(int side, byte value) => new(side, side, [.. Enumerable.Repeat(value, side * side * 3)]);

    private static IEnumerable<byte> Area(DiffusionImage image, int left, int top, int width, int height) =>
        Enumerable.Range(top, height).SelectMany(row => image.Pixels.Skip(((row * image.Width) + left) * 3).Take(width * 3)).Distinct();
}
