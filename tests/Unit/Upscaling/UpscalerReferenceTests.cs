using System.Text.Json;
using StableDiffusion.Images;
using StableDiffusion.Tensors;
using StableDiffusion.Tests.Networks;
using StableDiffusion.Upscaling;

namespace StableDiffusion.Tests.Upscaling;

/// <summary>Upscalers, their tiles and the way to a size against the original programs.</summary>
public sealed class UpscalerReferenceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Networks => UpscalerReference.Ids("network");

    public static TheoryData<string> ByteTiles => [.. new[] { "tiles-0", "tiles-1", "tiles-2" }];

    public static TheoryData<string> Factors => UpscalerReference.Ids("to_factor");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_case_of_the_reference_is_tested() =>
        Assert.Equal(UpscalerReference.Count, Networks.Count + ByteTiles.Count + Factors.Count + UpscalerReference.Ids("tiled", "tiles-mean-").Count + UpscalerReference.Ids("tiled", "tiles-comfy-").Count + 2);

    [Theory]
    [MemberData(nameof(Networks))]
    public void A_network_in_every_layout_gives_the_numbers_of_its_authors(string id)
    {
        JsonElement item = UpscalerReference.Case(id);
        Tensor input = UpscalerReference.Read(id, "input"), expected = UpscalerReference.Read(id, "output");
        Assert.All(UpscalerReference.Files(id), path =>
        {
            using Upscaler upscaler = UpscalerReference.Open(path, _folder.Path);
            Assert.Equal(item.GetProperty("scale").GetInt32(), upscaler.Scale);
            Closeness.AssertClose(expected, upscaler.Run(input, Cancellation), item.GetProperty("tolerance").GetSingle());
        });
    }

    [Theory]
    [MemberData(nameof(ByteTiles))]
    public void Tiles_are_joined_as_A1111_joins_them(string id)
    {
        JsonElement item = UpscalerReference.Case(id);
        DiffusionImage input = UpscalerReference.Image(id, "input");
        int size = item.GetProperty("tile_size").GetInt32();
        using Upscaler upscaler = UpscalerReference.Open(UpscalerReference.Files(id).First(), _folder.Path);

        TileGrid grid = TileGrid.Divide(input.Width, input.Height, size == 0 ? input.Width : size, size == 0 ? input.Height : size, item.GetProperty("tile_overlap").GetInt32());
        byte[] pixels = Swapped(grid.Run(Swapped(input.Pixels), upscaler.Scale, tile => upscaler.Run(tile, grid.TileWidth, grid.TileHeight, Cancellation)));

        AssertOneLevel(UpscalerReference.Image(id, "output"), pixels);
    }

    [Theory]
    [MemberData(nameof(Factors))]
    public void A_factor_is_reached_as_in_A1111(string id)
    {
        JsonElement item = UpscalerReference.Case(id);
        DiffusionImage input = UpscalerReference.Image(id, "input");
        using Upscaler upscaler = UpscalerReference.Open(UpscalerReference.Files(id).First(), _folder.Path);

        DiffusionImage image = ImageUpscaling.Run(new DiffusionImage(input.Width, input.Height, Swapped(input.Pixels)), upscaler, new UpscaleOptions { Scale = item.GetProperty("factor").GetDouble() }, progress: null, Cancellation);

        Assert.Equal((item.GetProperty("width").GetInt32(), item.GetProperty("height").GetInt32()), (image.Width, image.Height));
        AssertOneLevel(UpscalerReference.Image(id, "output"), Swapped(image.Pixels));
    }

    /// <summary>These join tiles in floats, in ways that the engine has not; the network is the same on tiles of any size.</summary>
    [Theory]
    [InlineData("tiles-mean-0")]
    [InlineData("tiles-comfy-0")]
    [InlineData("tiles-comfy-1")]
    public void A_network_on_the_tiles_of_other_programs_gives_their_image(string id)
    {
        JsonElement item = UpscalerReference.Case(id);
        Tensor input = UpscalerReference.Read(id, "input"), expected = UpscalerReference.Read(id, "output");
        int size = item.GetProperty("tile_size").GetInt32(), overlap = item.GetProperty("tile_overlap").GetInt32();
        bool isMean = id.StartsWith("tiles-mean", StringComparison.Ordinal);
        using Upscaler upscaler = UpscalerReference.Open(UpscalerReference.Files(id).First(), _folder.Path);
        Tensor sum = new([.. expected.Shape]), weights = new([.. expected.Shape]);
        foreach (int top in Starts(input.Shape[2]))
        {
            foreach (int left in Starts(input.Shape[3]))
                Add(upscaler.Run(Cut(input, top, left, Math.Min(size, input.Shape[2] - top), Math.Min(size, input.Shape[3] - left)), Cancellation), top * upscaler.Scale, left * upscaler.Scale);
        }

        Closeness.AssertClose(expected, new Tensor([.. sum.Values.Zip(weights.Values, static (total, weight) => total / weight)], [.. expected.Shape]), item.GetProperty("tolerance").GetSingle());

        IEnumerable<int> Starts(int length)
        {
            int end = isMean ? length - size : length - overlap, last = -1;
            for (int start = 0; start < end; start += size - overlap)
                yield return last = start;
            if (isMean && last != length - size)
                yield return length - size;
        }

        float Weight(int place, int length)
        {
            int feather = isMean ? 0 : overlap * upscaler.Scale;
            float weight = 1;
            if (feather >= length)
                return weight;
            if (place < feather)
                weight *= (place + 1) / (float)feather;
            if (length - 1 - place < feather)
                weight *= (length - place) / (float)feather;
            return weight;
        }

        void Add(Tensor tile, int top, int left)
        {
            for (int i = 0; i < tile.Length; i++)
            {
                int x = i % tile.Shape[3], y = i / tile.Shape[3] % tile.Shape[2], channel = i / (tile.Shape[3] * tile.Shape[2]);
                int at = (((channel * sum.Shape[2]) + top + y) * sum.Shape[3]) + left + x;
                float weight = Weight(x, tile.Shape[3]) * Weight(y, tile.Shape[2]);
                sum.Values[at] += tile.Values[i] * weight;
                weights.Values[at] += weight;
            }
        }
    }

    [Fact]
    public void Tiles_lie_where_A1111_lays_them()
    {
        Assert.All(UpscalerReference.Case("grid").GetProperty("rows").EnumerateArray(), static row =>
        {
            TileGrid grid = TileGrid.Divide(Number("width"), Number("height"), Number("tile_w"), Number("tile_h"), Number("overlap"));
            Assert.Equal(Numbers("x"), grid.X);
            Assert.Equal(Numbers("y"), grid.Y);

            int Number(string name) => row.GetProperty(name).GetInt32();
            IEnumerable<int> Numbers(string name) => row.GetProperty(name).EnumerateArray().Select(static item => item.GetInt32());
        });
    }

    [Fact]
    public void Seams_fade_as_in_A1111()
    {
        DiffusionImage input = UpscalerReference.Image("grid-join-0", "input");
        TileGrid grid = TileGrid.Divide(input.Width, input.Height, 32, 32, 8);
        Queue<(int X, int Y)> places = new(grid.Y.SelectMany(y => grid.X.Select(x => (x, y))));

        byte[] pixels = grid.Run(input.Pixels, 1, tile =>
        {
            (int x, int y) = places.Dequeue();
            int percent = 100 - (((3 * x) + (5 * y)) % 60);
            return Array.ConvertAll(tile, value => (byte)(value * percent / 100));
        });

        AssertOneLevel(UpscalerReference.Image("grid-join-0", "output"), pixels);
    }

    private static Tensor Cut(Tensor source, int top, int left, int height, int width)
    {
        Tensor tile = new(1, source.Shape[1], height, width);
        for (int i = 0; i < source.Shape[1] * height; i++)
            source.Span.Slice((((i / height * source.Shape[2]) + top + (i % height)) * source.Shape[3]) + left, width).CopyTo(tile.Span[(i * width)..]);
        return tile;
    }

    /// <summary>Red and blue changed places: A1111 gives networks blue first, and reads it so.</summary>
    private static byte[] Swapped(byte[] pixels) => [.. pixels.Select((_, i) => pixels[i + (2 * (1 - (i % 3)))])];

    private static void AssertOneLevel(DiffusionImage expected, byte[] actual)
    {
        Assert.Equal(expected.Pixels.Length, actual.Length);
        int[] differences = [.. expected.Pixels.Zip(actual, static (left, right) => Math.Abs(left - right))];
        TestContext.Current.SendDiagnosticMessage("levels off: {0} at most, {1:e2} on average", differences.Max(), differences.Average());
        Assert.InRange(differences.Max(), 0, 1);
    }
}
