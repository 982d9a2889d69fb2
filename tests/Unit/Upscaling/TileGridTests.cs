using StableDiffusion.Upscaling;

namespace StableDiffusion.Tests.Upscaling;

public sealed class TileGridTests
{
    /// <summary>Whatever the sizes: where tiles that are the same on both sides of a seam meet, there is no seam.</summary>
    [Fact]
    public void Tiles_that_are_not_changed_make_the_same_image()
    {
        Random random = new(1);
        for (int i = 0; i < 300; i++)
        {
            int width = random.Next(1, 90), height = random.Next(1, 90), tileWidth = random.Next(1, 40), tileHeight = random.Next(1, 40), overlap = random.Next(0, Math.Min(tileWidth, tileHeight));
            byte[] pixels = new byte[width * height * 3];
            random.NextBytes(pixels);
            TileGrid grid = TileGrid.Divide(width, height, tileWidth, tileHeight, overlap);

            Assert.Equal(pixels, grid.Run(pixels, 1, static tile => tile));
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void Tiles_of_larger_pixels_make_an_image_of_larger_pixels(int scale)
    {
        Random random = new(scale);
        for (int i = 0; i < 100; i++)
        {
            int width = random.Next(1, 60), height = random.Next(1, 60), overlap = random.Next(0, 8), side = random.Next(8, 30);
            byte[] pixels = new byte[width * height * 3];
            random.NextBytes(pixels);
            TileGrid grid = TileGrid.Divide(width, height, side, side, overlap);

            Assert.Equal(Enlarge(pixels, width, height, scale), grid.Run(pixels, scale, tile => Enlarge(tile, grid.TileWidth, grid.TileHeight, scale)));
        }
    }

    [Fact]
    public void The_tiles_cover_the_image_and_overlap_at_least_as_much_as_asked()
    {
        Random random = new(2);
        for (int i = 0; i < 1000; i++)
        {
            int width = random.Next(1, 5000), side = random.Next(2, 600), overlap = random.Next(0, side);
            TileGrid grid = TileGrid.Divide(width, 1, side, side, overlap);

            Assert.Equal((0, width), (grid.X[0], grid.X[^1] + grid.TileWidth));
            Assert.All(grid.X.Zip(grid.X.Skip(1)), pair => Assert.True(pair.First < pair.Second && pair.First + grid.TileWidth >= pair.Second + overlap));
        }
    }

    private static byte[] Enlarge(byte[] pixels, int width, int height, int scale)
    {
        byte[] result = new byte[pixels.Length * scale * scale];
        for (int i = 0; i < result.Length; i++)
        {
            int x = i / 3 % (width * scale), y = i / 3 / (width * scale);
            result[i] = pixels[(((Math.Min(y / scale, height - 1) * width) + (x / scale)) * 3) + (i % 3)];
        }

        return result;
    }
}
