using StableDiffusion.Denoising.CrossAttention;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Reports;

namespace StableDiffusion.Tests.Reports;

/// <summary>The images of a report that show where the image looked at each token.</summary>
public sealed class ReportMapsTests
{
    private const int MapSide = 16;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(20, 512)]
    [InlineData(530, 512)]
    [InlineData(530, 64)]
    public void Each_token_has_a_map_however_many_there_are_and_the_page_has_room_for_them(int tokens, int side)
    {
        AttentionMap[] maps = [.. Enumerable.Range(1, tokens).Select(static position => MapOf([position]))];
        ReportMaps drawn = ReportMaps.Of(maps, ImageOf(side), Cancellation);
        Assert.Equal(0, drawn.Missing);
        Assert.Equal(Enumerable.Range(1, tokens), drawn.Images.Keys.Order());
        Assert.InRange(drawn.Images.Values.Sum(static image => image.Address.Length), 1, ReportMaps.MostCharacters);
        Assert.Equal("Where the image looked at 'word 7'", drawn.Images[7].Text);
    }

    [Fact]
    public void Few_maps_are_as_large_as_the_frames_of_the_film()
    {
        ReportImage image = ReportMaps.Of([MapOf([1])], ImageOf(512), Cancellation).Images[1];
        Assert.Equal((256, 256), SizeOf(ImageFile.FromBytes(image.File)));
    }

    [Fact]
    public void The_tokens_of_a_word_share_its_map_and_those_without_room_are_counted()
    {
        AttentionMap[] maps = [.. Enumerable.Range(0, 1500).Select(static word => MapOf([(2 * word) + 1, (2 * word) + 2]))];
        ReportMaps drawn = ReportMaps.Of(maps, ImageOf(64), Cancellation);
        Assert.Same(drawn.Images[1], drawn.Images[2]);
        Assert.InRange(drawn.Missing, 1, 2999);
        Assert.Equal(3000, drawn.Images.Count + drawn.Missing);
        Assert.Equal(Enumerable.Range(1, drawn.Images.Count), drawn.Images.Keys.Order());
        Assert.InRange(drawn.Images.Values.Sum(static image => (long)image.Address.Length), 1, ReportMaps.MostCharacters);
    }

    private static (int Width, int Height) SizeOf(DiffusionImage image) => (image.Width, image.Height);

    private static AttentionMap MapOf(int[] positions)
    {
        float[] values = new float[MapSide * MapSide];
        for (int i = 0; i < values.Length; i++)
            values[i] = 1f / (1 + Math.Abs(i - (positions[0] * 37 % values.Length)));
        return new AttentionMap(MapSide, MapSide, values) { Token = $"word {positions[0]}", Positions = positions, Steps = [1], Layers = ["mid"], ImageWidth = MapSide, ImageHeight = MapSide };
    }

    // Detail in every pixel, as in a photograph.
    private static DiffusionImage ImageOf(int side)
    {
        Random random = new(7);
        byte[] pixels = new byte[side * side * 3];
        for (int i = 0; i < pixels.Length; i++)
            pixels[i] = (byte)((i / 3 % side * 255 / side / 2) + random.Next(60));
        return new DiffusionImage(side, side, pixels);
    }
}
