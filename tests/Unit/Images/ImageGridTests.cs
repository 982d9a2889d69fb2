using StableDiffusion.Images;

namespace StableDiffusion.Tests.Images;

public sealed class ImageGridTests
{
    [Fact]
    public void Pictures_stand_row_by_row_with_white_between_and_behind_them()
    {
        DiffusionImage sheet = ImageGrid.Join([Plain(1), Plain(2), Plain(3)], columns: 2, gap: 1);

        Assert.Equal((5, 3), (sheet.Width, sheet.Height));
        Assert.Equal(
            [1, 1, 255, 2, 2, 255, 255, 255, 255, 255, 3, 3, 255, 255, 255],
            Enumerable.Range(0, 15).Select(pixel => (int)sheet.Pixels[pixel * 3]));
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(4, 2, 2)]
    [InlineData(5, 3, 2)]
    [InlineData(9, 3, 3)]
    public void A_sheet_is_about_square_by_itself(int count, int across, int down)
    {
        DiffusionImage sheet = ImageGrid.Join([.. Enumerable.Range(0, count).Select(_ => Plain(0))]);

        Assert.Equal((across * 2, down), (sheet.Width, sheet.Height));
    }

    [Fact]
    public void Images_are_not_read_beyond_the_largest_sheet()
    {
        DiffusionImage large = new(4096, 4096, new byte[3 * 4096 * 4096]);
        int read = 0;
        IEnumerable<DiffusionImage> images = Enumerable.Range(0, 100).Select(_ =>
        {
            read++;
            return large;
        });

        Assert.Contains("64 megapixels", Assert.Throws<InvalidSettingException>(() => ImageGrid.Limit(images).Count()).Message, StringComparison.Ordinal);
        Assert.Equal(5, read);
    }

    [Fact]
    public void A_picture_of_another_size_is_named()
    {
        ImageInvalidException error = Assert.Throws<ImageInvalidException>(
            () => ImageGrid.Join([Plain(1), new DiffusionImage(3, 1, new byte[9])]));

        Assert.Contains("Image 2 is 3x1", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 0, "Columns")]
    [InlineData(1, -1, "Gap")]
    public void Numbers_out_of_their_range_are_refused(int columns, int gap, string setting) =>
        Assert.Equal(setting, Assert.Throws<InvalidSettingException>(() => ImageGrid.Join([Plain(1)], columns, gap)).Setting);

    private static DiffusionImage Plain(byte value) => new(2, 1, [.. Enumerable.Repeat(value, 6)]);
}
