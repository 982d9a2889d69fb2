using StableDiffusion.Adapters;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Library;
using StableDiffusion.Metadata;
using StableDiffusion.Noise;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Prompts;
using StableDiffusion.Running;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>What was saved between two stages goes on as if it never had been.</summary>
public sealed class SavedStateTests(SharedModels models) : IDisposable
{
    private const string Prompt = "a red house on the grass";

    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string, DenoiseOptions> Runs() => new()
    {
        { nameof(SharedModels.Demo), new DenoiseOptions { Scheduler = "DPM++ 2M SDE Karras" } },
        { nameof(SharedModels.Demo), new DenoiseOptions { Scheduler = "DPM++ SDE", RandomSource = nameof(RandomSource.Cuda) } },
        { nameof(SharedModels.Demo), new DenoiseOptions { Scheduler = "Euler a", BatchSize = 3, BatchIndex = 2, EtaNoiseSeedDelta = 31337 } },
        { nameof(SharedModels.Demo), new DenoiseOptions { Scheduler = "UniPC", GuidanceRescale = 0.7, GuidanceStart = 0.4, GuidanceEnd = 0.9, Tiling = "X", VariationSeed = 3, VariationStrength = 0.2 } },
        { nameof(SharedModels.Demo), new DenoiseOptions { Scheduler = "DDIM", SchedulerOptions = """{"eta":0.8,"timestep_spacing":"trailing"}""", Width = 72, Height = 40 } },
        { nameof(SharedModels.Large), new DenoiseOptions { Scheduler = "Heun", MicroConditioning = new MicroConditioning { CropTop = 8 } } },
        { nameof(SharedModels.Sd2), new DenoiseOptions() },
        { nameof(SharedModels.Inpainting), new DenoiseOptions() },
        { nameof(SharedModels.Edit), new DenoiseOptions() },
    };

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Runs), DisableDiscoveryEnumeration = true)]
    public void A_denoising_from_noise_that_was_saved_ends_with_the_same_bytes(string model, DenoiseOptions options) =>
        AssertSame(Open(model), start: null, options with { Seed = 7, Steps = 4, Width = options.Width ?? 64, Height = options.Height ?? 64 });

    [Theory]
    [InlineData(nameof(SharedModels.Demo), true)]
    [InlineData(nameof(SharedModels.Demo), true, nameof(InpaintMode.A1111))]
    [InlineData(nameof(SharedModels.Demo), true, nameof(InpaintMode.Soft))]
    [InlineData(nameof(SharedModels.Demo), true, nameof(InpaintMode.Differential), "Exact")]
    [InlineData(nameof(SharedModels.Demo), false)]
    [InlineData(nameof(SharedModels.Inpainting), true)]
    [InlineData(nameof(SharedModels.Inpainting), true, nameof(InpaintMode.A1111))]
    [InlineData(nameof(SharedModels.Edit), false)]
    public void A_denoising_of_an_image_that_was_saved_ends_with_the_same_bytes(string model, bool isMasked, string? mode = null, string? rule = null)
    {
        DiffusionPipeline pipeline = Open(model);
        Latent encoded = pipeline.EncodeImage(ImageFile.Read(FamilyReference.Find("sd1-inpaint", "source.png")), 7, cancellationToken: Cancellation);
        Latent read = Saved(encoded);
        MaskImage? mask = isMasked ? ImageFile.ReadMask(FamilyReference.Find("sd1-inpaint", "mask.png")) : null;
        double? strength = model == nameof(SharedModels.Edit) ? null : 0.7;
        DenoiseOptions options = new() { Seed = 7, Steps = 5, Scheduler = "DDIM", SchedulerOptions = """{"eta":1}""", Strength = strength, Mask = mask, InpaintMode = mode, MaskBlur = mode is null ? null : 3, StrengthRule = rule };

        Latent expected = AssertSame(pipeline, encoded, options);
        Assert.Equal(expected.Tensor.Values, AssertSame(pipeline, read, options).Tensor.Values);
    }

    [Fact]
    public void ControlNets_are_given_again_when_it_goes_on()
    {
        ControlOptions control = new(Repository.Data("adapters", "sd1-controlnet"), ImageFile.Read(Repository.Data("adapters", "control.png"))) { Start = 0.2, End = 0.8 };
        AssertSame(Open(nameof(SharedModels.Sd1)), start: null, new DenoiseOptions { Seed = 7, Steps = 4, Width = 64, Height = 64, Controls = [control] });
    }

    [Fact]
    public void Another_model_goes_on_without_a_warning_and_another_of_the_same_name_with_one()
    {
        List<string> warnings = [];
        using ModelLease lease = ModelLibrary.Default.Open(Repository.DemoModel, Device.Cpu);
        DiffusionPipeline demo = new(lease.Model, warning: warnings.Add);
        TextEmbedding embedding = demo.EncodePrompt(Prompt, cancellationToken: Cancellation);
        Latent half = Saved(demo.Denoise(embedding, null, null, new DenoiseOptions { Seed = 7, Steps = 4, StopStep = 2 }, cancellationToken: Cancellation));
        DenoiseOptions rest = new() { StopStep = 3 };

        demo.Denoise(embedding, null, half, rest, cancellationToken: Cancellation);
        demo.Denoise(embedding, null, With(half, new ModelMark("another", "0000000000")), rest, cancellationToken: Cancellation);
        Assert.Empty(warnings);

        string name = half.Maker!.Name;
        demo.Denoise(embedding, null, With(half, new ModelMark(name, "0000000000")), rest, cancellationToken: Cancellation);
        Assert.Contains(name, Assert.Single(warnings), StringComparison.Ordinal);
        Assert.Contains("0000000000", warnings[0], StringComparison.Ordinal);

        embedding.Maker = new ModelMark(name, "1111111111");
        demo.Denoise(embedding, null, half, rest, cancellationToken: Cancellation);
        Assert.Contains("1111111111", warnings[^1], StringComparison.Ordinal);

        static Latent With(Latent latent, ModelMark maker) => new(latent.Tensor, latent.Info, latent.Step, latent.StepCount) { State = latent.State, Maker = maker };
    }

    [Fact]
    public void A_latent_without_a_record_can_be_denoised()
    {
        DiffusionPipeline demo = Open(nameof(SharedModels.Demo));
        Latent bare = new(new Tensor(1, 4, 8, 9), new GenerationInfo());

        Latent latent = demo.Denoise(demo.EncodePrompt(Prompt, cancellationToken: Cancellation), null, bare, new DenoiseOptions { Seed = 1, Steps = 2, Strength = 1 }, cancellationToken: Cancellation);

        Assert.Equal((72, 64), (latent.Width, latent.Height));
        InvalidSettingException error = Assert.Throws<InvalidSettingException>(() => demo.Check(new DenoiseOptions { Width = 64 }, bare));
        Assert.Equal("Width", error.Setting);
    }

    [Theory]
    [InlineData("a red house, and some more words than fit", PromptSyntax.Plain)]
    [InlineData("a (red:1.3) house BREAK on [the] grass", PromptSyntax.A1111)]
    [InlineData("[a red house:a blue boat:2] AND [sea|grass] :0.4", PromptSyntax.A1111)]
    [InlineData("a (red:1.3) house", PromptSyntax.ComfyUI)]
    public void An_embedding_that_was_saved_makes_the_same_image(string prompt, PromptSyntax syntax)
    {
        DiffusionPipeline demo = Open(nameof(SharedModels.Demo));
        PromptOptions options = new() { Syntax = syntax, Emphasis = EmphasisMode.NoNorm };
        TextEmbedding embedding = demo.EncodePrompt(syntax == PromptSyntax.Plain ? string.Concat(Enumerable.Repeat(prompt + " ", 20)) : prompt, options, Cancellation);

        TextEmbedding read = Saved(embedding);

        Assert.Equal(
            (embedding.Prompt, embedding.Model, embedding.Maker, embedding.LostText, embedding.DynamicText, embedding.PromptSyntax, embedding.Emphasis, embedding.ClipSkip),
            (read.Prompt, read.Model, read.Maker, read.LostText, read.DynamicText, read.PromptSyntax, read.Emphasis, read.ClipSkip));
        Assert.Equal(embedding.TokenIds, read.TokenIds);
        Assert.Equal(embedding.WeightedTokens, read.WeightedTokens);
        Assert.Equal(embedding.Warnings, read.Warnings);
        Assert.Equal(Denoise(embedding), Denoise(read));

        float[] Denoise(TextEmbedding given) => demo.Denoise(given, null, null, new DenoiseOptions { Seed = 1, Steps = 3 }, cancellationToken: Cancellation).Tensor.Values;
    }

    [Theory]
    [InlineData(PromptSyntax.Plain)]
    [InlineData(PromptSyntax.A1111)]
    public void Words_of_textual_inversion_are_saved_with_their_vectors(PromptSyntax syntax)
    {
        DiffusionPipeline pipeline = Open(nameof(SharedModels.Sd1));
        string file = Path.Combine(_folder.Path, "my-style.safetensors");
        File.Copy(Repository.Data("adapters", "my-style.safetensors"), file);
        PromptOptions options = new() { Syntax = syntax, TextualInversions = [TextualInversionFile.Load(file)] };
        string word = options.TextualInversions[0].Name;
        TextEmbedding embedding = pipeline.EncodePrompt(syntax == PromptSyntax.Plain ? $"a photo of {word}" : $"[a photo:a drawing:2] of {word}", options, Cancellation);

        TextEmbedding read = Saved(embedding);
        File.Delete(file);

        Latent expected = Denoise(embedding);
        Latent actual = Denoise(read);
        Assert.Equal(expected.Tensor.Values, actual.Tensor.Values);
        Assert.Equal(expected.Info.TextualInversionHashes, actual.Info.TextualInversionHashes);
        Assert.Equal((file, "my-style"), (Assert.Single(expected.TextualInversion!), Assert.Single(actual.TextualInversion!)));
        Assert.Equal(word, Assert.Single(read.TextualInversion));

        // The empty negative prompt is encoded with the words of the prompt.
        Latent Denoise(TextEmbedding given) => pipeline.Denoise(given, null, null, new DenoiseOptions { Seed = 1, Steps = 3, Width = 64, Height = 64, GuidanceScale = 5 }, cancellationToken: Cancellation);
    }

    [Fact]
    public void The_LoRAs_of_an_embedding_are_known_by_their_names()
    {
        using DiffusionModel adapted = new(models.Open(models.Sd1), AdapterSet.Create([new Lora(Repository.Data("adapters", "sd1-lora-kohya.safetensors"), 0.5)]));
        TextEmbedding embedding = new DiffusionPipeline(adapted).EncodePrompt(Prompt, cancellationToken: Cancellation);

        Assert.Equal("sd1-lora-kohya:0.5", Assert.Single(Saved(embedding).Lora));
        Assert.Equal(embedding.Lora, TextEmbeddingFile.FromBytes(TextEmbeddingFile.ToBytes(embedding)).Lora);
    }

    private DiffusionPipeline Open(string model) => new(models.Open(models.Find(model)));

    private Latent Saved(Latent latent) => Assert.Single(LatentFile.Read(LatentFile.Write(latent, _folder["latent.safetensors"], overwrite: true)));

    private TextEmbedding Saved(TextEmbedding embedding) => TextEmbeddingFile.Read(TextEmbeddingFile.Write(embedding, _folder["embedding.safetensors"], overwrite: true));

    private Latent AssertSame(DiffusionPipeline pipeline, Latent? start, DenoiseOptions options)
    {
        TextEmbedding embedding = pipeline.EncodePrompt(Prompt, cancellationToken: Cancellation);
        Latent whole = pipeline.Denoise(embedding, null, start, options, cancellationToken: Cancellation);
        Latent stopped = Saved(pipeline.Denoise(embedding, null, start, options with { StopStep = whole.StepCount - 2 }, cancellationToken: Cancellation));

        DenoiseOptions rest = new() { GuidanceRescale = options.GuidanceRescale, GuidanceStart = options.GuidanceStart, GuidanceEnd = options.GuidanceEnd, Tiling = options.Tiling, MicroConditioning = options.MicroConditioning, Controls = options.Controls };
        Latent further = Saved(pipeline.Denoise(Saved(embedding), null, stopped, rest with { StopStep = stopped.Step + 1 }, cancellationToken: Cancellation));
        Latent ended = pipeline.Denoise(embedding, null, further, rest, cancellationToken: Cancellation);
        Assert.Equal(whole.Tensor.Values, ended.Tensor.Values);
        Assert.Equal(GenerationRecord.Write(whole.Info with { Stages = null }), GenerationRecord.Write(ended.Info with { Stages = null }));
        return whole;
    }
}
