using System.Text.Json;
using StableDiffusion.Autoencoding;
using StableDiffusion.Tensors;
using StableDiffusion.Tests.Pipelines;

namespace StableDiffusion.Tests.Autoencoding;

public sealed class VaeTilesTests(DemoModelFixture demo) : IClassFixture<DemoModelFixture>
{
    private const int Factor = 8;

    private static readonly Lazy<SafetensorsFile> s_tensors = new(() => SafetensorsFile.Open(Repository.Data("vae", "tiles.safetensors")));

    public static TheoryData<string> Cases => [.. Reference().Select(static item => item.GetProperty("id").GetString()!)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Tiles_as_those_of_diffusers_give_its_image_and_its_latent(string id)
    {
        JsonElement item = Reference().Single(item => item.GetProperty("id").GetString() == id);
        Tensor latent = Read("latent"), picture = Read("picture"), decoded = Read("decoded");
        picture = picture.Reshape(1, 3, picture.Shape[1], picture.Shape[2]);
        VaeTiles tiles = new(Axis(latent.Shape[2]), Axis(latent.Shape[3]), Factor);
        double tolerance = item.GetProperty("tolerance").GetDouble();

        Tensor ours = demo.Model.OpenVaeDecoder(null, Cancellation).Decode(latent, tiles, cancellationToken: Cancellation);
        Assert.InRange(Distance(decoded, ours), 0, tolerance);
        Assert.InRange(Distance(decoded, demo.Model.OpenVaeDecoder(null, Cancellation).Decode(latent, cancellationToken: Cancellation)), 10 * tolerance, 1);

        Tensor encoded = demo.Model.OpenVaeEncoder(null, Cancellation).Encode(picture, noise: null, tiles, cancellationToken: Cancellation).Latent;
        Assert.InRange(Distance(latent, encoded), 0, tolerance);

        // It begins a tile wherever the overlap leaves room for one, even where the tile before reaches the end.
        TileAxis Axis(int length)
        {
            int side = item.GetProperty("tile_latent_min_size").GetInt32();
            int step = (int)(side * (1 - item.GetProperty("tile_overlap_factor").GetDouble()));
            return new TileAxis(side, step, (length + step - 1) / step);
        }

        Tensor Read(string name) => s_tensors.Value.Read(item.GetProperty("tensors").GetProperty(name).GetString()!);
    }

    [Theory]
    [InlineData(128, 72, 8)]
    [InlineData(73, 72, 8)]
    [InlineData(1024, 72, 8)]
    [InlineData(9, 8, 2)]
    [InlineData(10, 4, 1)]
    [InlineData(256, 10, 2)]
    public void The_tiles_of_an_axis_cover_it_and_are_about_equally_long(int length, int longest, int overlap)
    {
        TileAxis axis = TileAxis.Divide(length, longest, overlap);

        int last = length - ((axis.Count - 1) * axis.Step);
        Assert.Equal(overlap, axis.Overlap);
        Assert.InRange(axis.Side, overlap + 1, longest);
        Assert.InRange(last, overlap + 1, axis.Side);
        Assert.True((axis.Count - 1) * (longest - overlap) < length - overlap, "There are more tiles than needed.");
    }

    [Fact]
    public void An_image_of_1024_pixels_is_nine_tiles_of_384()
    {
        VaeTiles tiles = VaeTiles.Divide(128, 128, 64, Factor)!;

        Assert.Equal((new TileAxis(48, 40, 3), tiles.Rows), (tiles.Rows, tiles.Columns));
        Assert.Null(VaeTiles.Divide(72, 72, 72, Factor));
        Assert.Equal(1, VaeTiles.Divide(72, 73, 72, Factor)!.Rows.Count);
    }

    [Theory]
    [InlineData(19, 31, 8)]
    [InlineData(8, 40, 10)]
    [InlineData(33, 9, 4)]
    public void What_does_not_depend_on_its_surroundings_is_the_same_in_tiles(int height, int width, int longest)
    {
        const int factor = 2;
        Tensor latent = new(1, 2, height, width);
        for (int i = 0; i < latent.Length; i++)
            latent.Values[i] = MathF.Sin(i);
        VaeTiles tiles = VaeTiles.Divide(height, width, longest, factor)!;

        Tensor pixels = tiles.Decode(latent, Enlarge);
        Assert.Equal([1, 2, height * factor, width * factor], pixels.Shape);
        Assert.InRange(Distance(Enlarge(latent), pixels), 0, 1e-6);
        Tensor again = tiles.Encode(pixels, Shrink);
        Assert.Equal(latent.Shape, again.Shape);
        Assert.InRange(Distance(latent, again), 0, 1e-6);

        static Tensor Enlarge(Tensor tile)
        {
            Tensor large = new(1, tile.Shape[1], tile.Shape[2] * factor, tile.Shape[3] * factor);
            for (int i = 0; i < large.Length; i++)
                large.Values[i] = tile.Values[(i / large.Shape[3] / factor * tile.Shape[3]) + (i % large.Shape[3] / factor)];
            return large;
        }

        static Tensor Shrink(Tensor tile)
        {
            Tensor small = new(1, tile.Shape[1], tile.Shape[2] / factor, tile.Shape[3] / factor);
            for (int i = 0; i < small.Length; i++)
                small.Values[i] = tile.Values[(i / small.Shape[3] * factor * tile.Shape[3]) + (i % small.Shape[3] * factor)];
            return small;
        }
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static JsonElement[] Reference() => [.. JsonDocument.Parse(File.ReadAllText(Repository.Data("vae", "tiles.json"))).RootElement.GetProperty("cases").EnumerateArray()];

    private static double Distance(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        return expected.Values.Zip(actual.Values, static (a, b) => Math.Abs((double)a - b)).Max();
    }
}
