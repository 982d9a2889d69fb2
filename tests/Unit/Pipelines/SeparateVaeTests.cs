using System.Text.Json;
using System.Text.Json.Nodes;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Noise;
using StableDiffusion.Pipelines;
using StableDiffusion.Running;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>Autoencoders in place of a model's own: tiny ones against diffusers, and full ones against the model's own.</summary>
public sealed class SeparateVaeTests(DemoModelFixture demo, SharedModels models) : IClassFixture<DemoModelFixture>, IDisposable
{
    private static readonly Lazy<SafetensorsFile> s_tensors = new(() => SafetensorsFile.Open(Repository.Data("taesd", "taesd.safetensors")));

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Cases => ["taesd-0", "taesd-1"];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_tiny_autoencoder_gives_the_image_and_the_latent_of_diffusers(string id)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Repository.Data("taesd", "taesd.json")));
        double tolerance = document.RootElement.GetProperty("cases").EnumerateArray().Single(item => item.GetProperty("id").GetString() == id).GetProperty("tolerance").GetDouble();
        AssertClose(s_tensors.Value.Read($"{id}.decoded"), Decode(TinyVaeFiles.Folder, s_tensors.Value.Read($"{id}.latent")));
        AssertClose(s_tensors.Value.Read($"{id}.encoded"), Encode(TinyVaeFiles.Folder, s_tensors.Value.Read($"{id}.picture")));

        void AssertClose(Tensor expected, Tensor actual)
        {
            Assert.Equal(expected.Shape, actual.Shape);
            Assert.InRange(expected.Values.Zip(actual.Values, static (a, b) => Math.Abs((double)a - b)).Max(), 0, tolerance);
        }
    }

    [Fact]
    public void Every_published_layout_gives_the_same_bytes()
    {
        string file = _folder["taesd.safetensors"];
        File.Copy(TinyVaeFiles.Weights, file);
        string decoder = TinyVaeFiles.WriteOriginal(_folder["original"]), pickled = TinyVaeFiles.WriteOriginal(_folder["pickled"], ".pth");
        Tensor latent = s_tensors.Value.Read("taesd-1.latent"), picture = s_tensors.Value.Read("taesd-1.picture");
        float[] decoded = Decode(TinyVaeFiles.Folder, latent).Values, encoded = Encode(TinyVaeFiles.Folder, picture).Values;
        Assert.All([file, decoder, decoder.Replace("_decoder", "_encoder", StringComparison.Ordinal), pickled], path =>
        {
            Assert.Equal(decoded, Decode(path, latent).Values);
            Assert.Equal(encoded, Encode(path, picture).Values);
        });
    }

    [Fact]
    public void A_file_of_a_diffusers_folder_has_the_config_beside_it()
    {
        string folder = _folder["vae"], file = Path.Combine(folder, "diffusion_pytorch_model.safetensors"), config = Path.Combine(folder, "config.json");
        Directory.CreateDirectory(folder);
        File.Copy(Path.Combine(Repository.DemoModel, "vae", "diffusion_pytorch_model.safetensors"), file);
        JsonNode settings = JsonNode.Parse(File.ReadAllText(Path.Combine(Repository.DemoModel, "vae", "config.json")))!;
        settings["scaling_factor"] = 0.25;
        File.WriteAllText(config, settings.ToJsonString());
        string renamed = _folder["other", "vae.safetensors"];
        Directory.CreateDirectory(_folder["other"]);
        File.Copy(file, renamed);
        File.Copy(config, _folder["other", "config.json"]);
        Tensor latent = s_tensors.Value.Read("taesd-0.latent");

        Assert.Equal(Decode(folder, latent).Values, Decode(file, latent).Values);

        // A folder of single files may have a config of anything.
        Assert.NotEqual(Decode(folder, latent).Values, Decode(renamed, latent).Values);
    }

    [Fact]
    public void A_decoder_alone_decodes_and_is_refused_for_images_to_start_from()
    {
        string decoder = TinyVaeFiles.WriteOriginal(_folder["original"]), encoder = decoder.Replace("_decoder", "_encoder", StringComparison.Ordinal);
        string alone = _folder["alone", "taesd_decoder.safetensors"];
        Directory.CreateDirectory(_folder["alone"]);
        File.Copy(decoder, alone);
        Tensor latent = s_tensors.Value.Read("taesd-0.latent");
        Assert.Equal(Decode(decoder, latent).Values, Decode(alone, latent).Values);

        DiffusionImage image = demo.Pipeline.Decode(new Latent(latent, new GenerationInfo()), new VaeOptions { Vae = alone }, Cancellation);
        StartImage start = demo.Pipeline.FitImage(image);
        Refused("has no encoder", alone, () => demo.Pipeline.EncodeImage(start, vae: new VaeOptions { Vae = alone }, cancellationToken: Cancellation));
        Refused("has no encoder", alone, () => demo.Pipeline.Check(new DenoiseOptions { Vae = alone }, start));

        File.Delete(decoder);
        Refused("an encoder alone", encoder, () => demo.Pipeline.Check(new DenoiseOptions { Vae = encoder }));
    }

    [Fact]
    public void The_latent_of_a_tiny_encoder_is_the_same_with_every_seed()
    {
        DiffusionImage image = demo.Pipeline.Decode(new Latent(s_tensors.Value.Read("taesd-0.latent"), new GenerationInfo()), new VaeOptions { Vae = TinyVaeFiles.Folder }, Cancellation);
        Latent Encoded(long? seed) => demo.Pipeline.EncodeImage(demo.Pipeline.FitImage(image), seed, vae: new VaeOptions { Vae = TinyVaeFiles.Folder }, cancellationToken: Cancellation);
        Assert.Equal(Encoded(null).Tensor.Values, Encoded(1).Tensor.Values);
        Assert.Equal(Encoded(2).Tensor.Values, Encoded(1).Tensor.Values);
        Assert.Equal(1, Encoded(1).Seed);
    }

    [Fact]
    public void A_full_autoencoder_that_is_the_models_own_gives_the_same_image()
    {
        Tensor latent = s_tensors.Value.Read("taesd-1.latent");
        string own = Path.Combine(Repository.DemoModel, "vae");
        DiffusionImage expected = demo.Pipeline.Decode(new Latent(latent, new GenerationInfo()), Cancellation);
        DiffusionImage actual = demo.Pipeline.Decode(new Latent(latent, new GenerationInfo()), new VaeOptions { Vae = own }, Cancellation);
        Assert.Equal(expected.Pixels, actual.Pixels);
        Assert.Equal(own, actual.Vae);
        Assert.Equal(demo.Pipeline.EncodeImage(expected, seed: 3, cancellationToken: Cancellation).Tensor.Values, demo.Pipeline.EncodeImage(demo.Pipeline.FitImage(expected), seed: 3, vae: new VaeOptions { Vae = own }, cancellationToken: Cancellation).Tensor.Values);

        // That of a single file has no config: its scaling is that of the family.
        DiffusionModel sd1 = models.Open(models.Sd1);
        DiffusionPipeline pipeline = new(sd1);
        string file = FamilyReference.Find("sd1", "sd1-tiny.safetensors");
        Assert.Equal(pipeline.Decode(new Latent(latent, new GenerationInfo()), Cancellation).Pixels, pipeline.Decode(new Latent(latent, new GenerationInfo()), new VaeOptions { Vae = file }, Cancellation).Pixels);
    }

    [Fact]
    public void An_image_says_by_which_autoencoder_it_was_decoded()
    {
        Latent latent = new(s_tensors.Value.Read("taesd-0.latent"), new GenerationInfo { Seed = 1, Steps = 2 });
        DiffusionImage image = demo.Pipeline.Decode(latent, new VaeOptions { Vae = TinyVaeFiles.Folder }, Cancellation);
        Assert.Equal(TinyVaeFiles.Folder, image.Vae);
        Assert.Matches("^[0-9a-f]{10}$", image.Info.VaeHash!);
        Assert.Equal(TinyVaeFiles.Folder, image.Stages![^1].Text(nameof(GenerationInfo.Vae)));

        // What was decoded by the model's own does not.
        Assert.Null(demo.Pipeline.Decode(new Latent(latent.Tensor, image.Info), Cancellation).Vae);
    }

    [Fact]
    public void Latents_of_another_form_are_refused_with_the_names_of_both()
    {
        string wide = _folder["wide.safetensors"];
        File.Copy(TinyVaeFiles.Weights, wide);
        SafetensorsWriter.Change(wide, tensors =>
        {
            tensors["decoder.layers.0.weight"] = new Tensor(32, 16, 3, 3);
            tensors["encoder.layers.14.weight"] = new Tensor(16, 32, 3, 3);
            tensors["encoder.layers.14.bias"] = new Tensor(16);
        });
        InvalidSettingException error = Refused("16 channels", wide, () => demo.Pipeline.Check(new DenoiseOptions { Vae = wide }));
        Assert.Contains(demo.Model.Info.Name, error.Message, StringComparison.Ordinal);

        string shallow = TinyVaeFiles.CopyFolder(_folder["shallow"]);
        Configure(shallow, config =>
        {
            config["encoder_block_out_channels"] = new JsonArray(32, 32, 32);
            config["decoder_block_out_channels"] = new JsonArray(32, 32, 32);
            config["num_encoder_blocks"] = new JsonArray(1, 3, 3);
            config["num_decoder_blocks"] = new JsonArray(3, 3, 1);
        });
        Refused("a 4th of the width", shallow, () => demo.Pipeline.Check(new DenoiseOptions { Vae = shallow }));
    }

    [Theory]
    [InlineData("act_fn", "\"silu\"")]
    [InlineData("upsample_fn", "\"bilinear\"")]
    [InlineData("upsampling_scaling_factor", "4")]
    [InlineData("in_channels", "4")]
    [InlineData("out_channels", "1")]
    [InlineData("shift_factor", "0.5")]
    [InlineData("quantization_config", """{ "quant_method": "fp8" }""")]
    [InlineData("scaling_factor", "0")]
    [InlineData("latent_channels", "-4")]
    [InlineData("encoder_block_out_channels", "[32, 32, 32, 64]")]
    [InlineData("num_decoder_blocks", "[3, 3, 3]")]
    [InlineData("num_encoder_blocks", "[1, 3, 3, 0]")]
    [InlineData("_class_name", "\"AutoencoderKLCogVideoX\"")]
    public void A_config_that_is_not_supported_is_refused_by_its_key(string key, string value)
    {
        string folder = TinyVaeFiles.CopyFolder(_folder["taesd"]);
        Configure(folder, config => config[key] = JsonNode.Parse(value));
        ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => demo.Pipeline.Check(new DenoiseOptions { Vae = folder }));
        Assert.Contains(key, error.Message, StringComparison.Ordinal);
        Assert.Contains(folder, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_damaged_or_something_else_is_refused_by_its_name()
    {
        Tensor latent = s_tensors.Value.Read("taesd-0.latent");
        string cut = _folder["cut.safetensors"];
        File.WriteAllBytes(cut, File.ReadAllBytes(TinyVaeFiles.Weights)[..^1]);
        Damaged(cut);

        string gap = _folder["gap.safetensors"];
        File.Copy(TinyVaeFiles.Weights, gap);
        SafetensorsWriter.Change(gap, static tensors => tensors.Remove("decoder.layers.7.conv.2.weight"));
        Damaged(gap);

        // A name that is missing ends the count of blocks, and must not be taken for a smaller network.
        string fewer = _folder["fewer.safetensors"];
        File.Copy(TinyVaeFiles.Weights, fewer);
        SafetensorsWriter.Change(fewer, static tensors => tensors.Remove("decoder.layers.3.conv.0.weight"));
        Damaged(fewer);

        string twice = TinyVaeFiles.WriteOriginal(_folder["twice"]);
        File.Copy(twice, twice.Replace("_decoder", "_encoder", StringComparison.Ordinal), overwrite: true);
        Damaged(twice);

        Damaged(FamilyReference.Find("sd1", "sd1-tiny.safetensors").Replace("sd1-tiny.safetensors", "../sd1-diffusers/text_encoder/model.safetensors", StringComparison.Ordinal));

        string empty = _folder["empty"];
        Directory.CreateDirectory(empty);
        VaeNotFoundException missing = Assert.Throws<VaeNotFoundException>(() => Decode(empty, latent));
        Assert.Contains(empty, missing.Message, StringComparison.Ordinal);
        missing = Assert.Throws<VaeNotFoundException>(() => Decode("no-such-vae", latent));
        Assert.StartsWith("There is no VAE 'no-such-vae'; '", missing.Message, StringComparison.Ordinal);
        Assert.Contains("' holds ", missing.Message, StringComparison.Ordinal);

        void Damaged(string path)
        {
            Assert.True(File.Exists(path));
            ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => Decode(path, latent));
            Assert.Contains(Path.GetFileName(path), error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_tiny_autoencoder_takes_less_memory_and_works_in_tiles()
    {
        VaeOptions options = new() { Vae = TinyVaeFiles.Folder, Tiling = VaeTiling.On, TileSize = 256 };
        MemoryEstimate tiny = new(demo.Model, options), own = new(demo.Model, new VaeOptions());
        Assert.InRange(tiny.Whole(1024, 1024), 1, own.Whole(1024, 1024) - 1);

        Tensor noise = new(1, 4, 8, 40);
        new LatentNoise(1, new NoiseOptions()).FillStart(noise, 8);
        byte[] whole = Decoded(options with { Tiling = VaeTiling.Off }), tiled = Decoded(options);
        Assert.NotEqual(whole, tiled);

        // Its convolutions reach about 145 pixels far, and it has no normalization: beyond that from the edge of a tile, at 192, the image is that of the whole.
        for (int i = 0; i < 40 * DiffusionImage.Channels; i++)
            Assert.InRange(Math.Abs(whole[i] - tiled[i]), 0, 1);

        byte[] Decoded(VaeOptions vae) => [.. demo.Pipeline.Decode(new Latent(noise, new GenerationInfo()), vae, Cancellation).Pixels];
    }

    private Tensor Decode(string vae, Tensor latent) => demo.Model.Vaes.OpenDecoder(demo.Model.Vaes.Find(vae), null, Cancellation).Decode(latent, cancellationToken: Cancellation);

    private Tensor Encode(string vae, Tensor picture) => demo.Model.Vaes.OpenEncoder(demo.Model.Vaes.Find(vae), null, Cancellation).Encode(picture, noise: null, cancellationToken: Cancellation).Latent;

    private static InvalidSettingException Refused(string reason, string vae, Action action)
    {
        InvalidSettingException error = Assert.Throws<InvalidSettingException>(action);
        Assert.Equal(nameof(GenerationSettings.Vae), error.Setting);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.Contains(vae, error.Message, StringComparison.Ordinal);
        return error;
    }

    private static void Configure(string folder, Action<JsonObject> change)
    {
        string path = Path.Combine(folder, "config.json");
        JsonObject config = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        change(config);
        File.WriteAllText(path, config.ToJsonString());
    }
}
