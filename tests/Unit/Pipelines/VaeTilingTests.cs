using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Settings;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Pipelines;

[Collection(AloneCollection.Name)]
public sealed class VaeTilingTests(DemoModelFixture demo) : IClassFixture<DemoModelFixture>, IDisposable
{
    private readonly List<string> _warnings = [];
    private readonly List<string> _notes = [];

    public void Dispose() => Environment.SetEnvironmentVariable(MemoryLimit.Variable, null);

    [Fact]
    public void Tiles_are_recorded_with_their_size_and_what_fits_into_one_is_not_tiled()
    {
        Latent latent = Noise(128);
        DiffusionImage whole = Pipeline.Decode(latent, Cancellation);
        DiffusionImage tiled = Pipeline.Decode(latent, new VaeOptions { Tiling = VaeTiling.On }, Cancellation);
        DiffusionImage large = Pipeline.Decode(latent, new VaeOptions { Tiling = VaeTiling.On, TileSize = 128 }, Cancellation);
        DiffusionImage off = Pipeline.Decode(latent, new VaeOptions { Tiling = VaeTiling.Off }, Cancellation);

        // That is the size that the autoencoder was trained on.
        Assert.Equal((nameof(VaeTiling.On), 64), (tiled.VaeTiling, tiled.VaeTileSize));
        Assert.Equal("VAE tiling: On, VAE tile size: 64", string.Join(", ", Infotext.Format(tiled.Info).Split(", ").Where(static part => part.Contains("VAE", StringComparison.Ordinal))));
        Assert.Equal(["The autoencoder works in 9 tiles of up to 64 pixels at 128x128 pixels."], _notes);
        Assert.NotEqual(whole.Pixels, tiled.Pixels);
        Assert.All([whole, large, off], image =>
        {
            Assert.Equal((null, null), (image.VaeTiling, image.VaeTileSize));
            Assert.Equal(whole.Pixels, image.Pixels);
            Assert.DoesNotContain("Tiling", string.Join(' ', image.Stages![^1].Settings.Keys), StringComparison.Ordinal);
        });
        Assert.Equal((nameof(VaeTiling.On), 64L), (tiled.Stages![^1].Settings[nameof(VaeTiling)], tiled.Stages[^1].Settings["VaeTileSize"]));
        Assert.Empty(_warnings);
    }

    [Fact]
    public void An_image_is_encoded_in_tiles_and_sampled_with_the_same_noise()
    {
        DiffusionImage image = Pipeline.Decode(Noise(160), Cancellation);
        StartImage start = Pipeline.FitImage(image);
        Latent whole = Pipeline.EncodeImage(start, seed: 1, cancellationToken: Cancellation);
        Latent tiled = Pipeline.EncodeImage(start, seed: 1, vae: new VaeOptions { Tiling = VaeTiling.On, TileSize = 96 }, cancellationToken: Cancellation);

        Assert.Equal((nameof(VaeTiling.On), 96, null), (tiled.VaeTiling, tiled.VaeTileSize, whole.VaeTiling));
        Assert.Equal(whole.Tensor.Shape, tiled.Tensor.Shape);
        Assert.NotEqual(whole.Tensor.Values, tiled.Tensor.Values);
        Assert.InRange(whole.Tensor.Values.Zip(tiled.Tensor.Values, static (a, b) => Math.Abs(a - b)).Average(), 0, 0.1);
    }

    [Fact]
    public void Tiles_of_a_request_are_those_of_the_stages_by_hand_and_stay_out_of_the_denoising()
    {
        DenoiseOptions options = new() { Prompt = "a red house", Seed = 1, Steps = 2, Width = 128, VaeTiling = "on", VaeTileSize = 71 };
        DiffusionImage image = new TextToImage(new TextToImageRequest { Options = options }).Make(Pipeline, 0, cancellationToken: Cancellation);
        Latent latent = Pipeline.Denoise(Pipeline.EncodePrompt("a red house", cancellationToken: Cancellation), null, null, options, cancellationToken: Cancellation);

        // Rounded down to whole latent values.
        Assert.Equal((nameof(VaeTiling.On), 64), (image.VaeTiling, image.VaeTileSize));
        Assert.Null(latent.VaeTiling);
        Assert.False(image.Stages![^2].Settings.ContainsKey(nameof(VaeTiling)));
        Assert.Equal(Pipeline.Decode(latent, VaeOptions.From(options), Cancellation).Pixels, image.Pixels);
        Assert.NotNull(OneImage.Match(image.Stages));
    }

    [Fact]
    public void A_large_image_is_tiled_by_itself_and_one_that_is_not_says_so()
    {
        // Of the autoencoder's 32 channels, that many pixels take 8 GB.
        MemoryEstimate auto = new(demo.Model, new VaeOptions());
        Assert.False(auto.IsLarge(2720, 2720));
        Assert.True(auto.IsLarge(2736, 2736));
        Assert.Equal(64, auto.TileSize);
        Assert.Equal(96, new MemoryEstimate(demo.Model, new VaeOptions { TileSize = 96 }).TileSize);
        Assert.Equal((512, 512, 256, 64), (new VaeOptions().TileSizeFor(null), new VaeOptions().TileSizeFor(1024), new VaeOptions().TileSizeFor(256), new VaeOptions().TileSizeFor(32)));
    }

    [Fact]
    public void An_image_that_takes_more_memory_than_there_is_is_tiled_with_a_warning()
    {
        Latent latent = Noise(256);
        DiffusionImage expected = Pipeline.Decode(latent, new VaeOptions { Tiling = VaeTiling.On }, Cancellation);
        Environment.SetEnvironmentVariable(MemoryLimit.Variable, "60");

        // Without a token, nothing watches the memory of the process, which is above that limit.
#pragma warning disable xUnit1051
        DiffusionImage image = Pipeline.Decode(latent);
        InvalidSettingException error = Assert.Throws<InvalidSettingException>(() => Pipeline.Decode(latent, new VaeOptions { Tiling = VaeTiling.Off }));
#pragma warning restore xUnit1051

        Assert.Equal(expected.Pixels, image.Pixels);
        Assert.Equal(nameof(VaeTiling.On), image.VaeTiling);
        Assert.Contains("more than there may be", Assert.Single(_warnings), StringComparison.Ordinal);
        Assert.Contains("tiles", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_that_is_stopped_for_memory_goes_on_in_tiles()
    {
        Latent latent = Noise(1280);
        DiffusionImage expected = Pipeline.Decode(latent, new VaeOptions { Tiling = VaeTiling.On }, Cancellation);
        byte[] others = new byte[700_000_000];
        Array.Fill<byte>(others, 1);
        long needed = MemoryEstimate.Bytes(32, 1280, 1280), used = MemoryWatch.UsedBytes() ?? 0;
        Assert.SkipWhen(used == 0, "The system does not say how much memory the process uses.");

        // By the estimate there is enough, but other tests may have left the process with much.
        Environment.SetEnvironmentVariable(MemoryLimit.Variable, $"{(Math.Max(needed, used + (needed / 4)) / Limit.BytesPerMegabyte) + 1}");

        DiffusionImage image = Pipeline.Decode(latent, Cancellation);
        GC.KeepAlive(others);

        Assert.Contains("There is not enough memory", Assert.Single(_warnings), StringComparison.Ordinal);
        Assert.Equal(nameof(VaeTiling.On), image.VaeTiling);
        Assert.Equal(expected.Pixels, image.Pixels);
        Assert.False(demo.Model.ShouldClose);
    }

    [Theory]
    [InlineData("Maybe", null, "VaeTiling")]
    [InlineData("On", 31, "VaeTileSize")]
    [InlineData("On", 8193, "VaeTileSize")]
    public void What_is_out_of_range_is_refused_before_anything_is_made(string tiling, int? size, string setting)
    {
        InvalidSettingException error = Assert.Throws<InvalidSettingException>(() => Pipeline.Check(new DenoiseOptions { VaeTiling = tiling, VaeTileSize = size }));
        Assert.Equal(setting, error.Setting);
    }

    private DiffusionPipeline Pipeline => new(demo.Model, warning: _warnings.Add, note: _notes.Add);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static Latent Noise(int side)
    {
        Tensor tensor = new(1, 4, side / 8, side / 8);
        for (int i = 0; i < tensor.Length; i++)
            tensor.Values[i] = MathF.Sin(i * 0.7f);
        return new Latent(tensor, new GenerationInfo());
    }
}
