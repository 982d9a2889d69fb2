using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Prompts;
using StableDiffusion.Running;
using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Text;

/// <summary>Prompts that several images share are encoded once, and the images are the same.</summary>
public sealed class PromptCacheTests(SharedModels models)
{
    private readonly PromptCache _cache = new();
    private readonly List<string> _encoded = [];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("a red house", null)]
    [InlineData("a [red:blue:1] house AND a tree", nameof(PromptSyntax.A1111))]
    public void Images_and_records_are_the_same_as_with_a_new_model(string prompt, string? syntax)
    {
        DenoiseOptions[] requests =
        [
            Request(prompt, "a car", 1),
            Request("a blue fish", "a car", 2),
            Request(prompt, "a car", 3),
            Request(prompt, null, 4),
            Request(prompt, null, 5),
        ];
        string[] expected = [.. requests.Select(request =>
        {
            using DiffusionModel own = Open();
            return Describe(Make(new DiffusionPipeline(own), request));
        })];

        using DiffusionModel model = Open();
        Assert.Equal(expected, requests.Select(request => Describe(Make(new DiffusionPipeline(model), request))));

        DenoiseOptions Request(string text, string? negative, long seed) => new() { Prompt = text, NegativePrompt = negative, PromptSyntax = syntax, Seed = seed, Steps = 2 };
    }

    [Fact]
    public void The_text_encoder_is_not_even_opened_for_what_is_known()
    {
        using DiffusionModel model = Open();
        List<string> opened = [], notes = [];
        for (long seed = 0; seed < 3; seed++)
        {
            DiffusionPipeline pipeline = new(model, report => opened.Add(report.Activity), warning: null, notes.Add) { LowMemory = true };
            Make(pipeline, new() { Prompt = "a [red:blue:1] house", NegativePrompt = "a car", PromptSyntax = nameof(PromptSyntax.A1111), Seed = seed, Steps = 2 });
        }

        // With LowMemory, each other stage closes it.
        Assert.Single(opened, "Opening the text encoder");
        Assert.Equal(2, notes.Count(static note => note == "The prompt 'a car' was encoded for an earlier image."));
    }

    [Fact]
    public void A_prompt_is_another_one_with_other_options()
    {
        TextualInversion word = new("word.safetensors", "0123456789ab", "word", new Dictionary<string, Tensor> { [string.Empty] = new(1, 2) });
        PromptOptions[] options =
        [
            new(),
            new() { Syntax = PromptSyntax.A1111 },
            new() { Syntax = PromptSyntax.A1111, Emphasis = EmphasisMode.Ignore },
            new() { ClipSkip = 2 },
            new() { TextualInversions = [word] },
            new() { TextualInversions = [new("word.safetensors", "ba9876543210", "word", word.Vectors)] },
            new() { Loras = ["style:0.5"], LoraNames = ["style"] },
        ];
        foreach (PromptOptions each in (PromptOptions[])[.. options, .. options])
            Encode("a", each);
        Encode("b");
        Encode("a \"], [\"b");

        Assert.Equal(options.Length + 2, _encoded.Count);
    }

    [Fact]
    public void Those_that_were_used_last_are_kept_within_bounds()
    {
        for (int i = 0; i < PromptCache.MostEntries; i++)
            Encode($"{i}");
        Encode("0");
        Encode("new");
        Assert.Equal(PromptCache.MostEntries, _cache.Count);

        _encoded.Clear();
        Encode("0");
        Encode("2");
        Encode("1");
        Assert.Equal(["1"], _encoded);
    }

    [Fact]
    public void Large_ones_are_bounded_by_their_bytes()
    {
        int width = (int)(PromptCache.MostBytes / sizeof(float) / 5 * 3);
        Encode("small");
        Encode("large", width: width);
        Encode("small");
        Assert.Equal(2, _cache.Count);
        Encode("another", width: width);
        Assert.Equal(["small", "large", "another"], _encoded);
        Assert.Equal(2, _cache.Count);

        Encode("huge", width: 2 * width);
        Assert.Equal(1, _cache.Count);
    }

    [Fact]
    public void What_a_caller_changes_is_his_own()
    {
        TextEmbedding first = Encode("a"), second = Encode("a");
        first.HiddenStates.Values[0] = float.NaN;
        second.HiddenStates.Values[0] = 7;
        Assert.Equal(1, Encode("a").HiddenStates.Values[0]);
        Assert.Single(_encoded);
    }

    [Fact]
    public void An_error_is_not_kept()
    {
        Assert.Throws<InferenceException>(() => _cache.Encode("a", PromptOptions.Default, static () => throw new InferenceException("It failed."), out _));
        Encode("a");
        Assert.Equal(["a"], _encoded);
    }

    private static string Describe(DiffusionImage image) => $"{Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(image.Pixels))} {GenerationRecord.Write(image.Info)}";

    private static DiffusionImage Make(DiffusionPipeline pipeline, DenoiseOptions options) =>
        new TextToImage(new TextToImageRequest { Options = options }).Make(pipeline, 0, cancellationToken: Cancellation);

    private DiffusionModel Open() => new(ModelReader.Read("demo", models.Demo, Cancellation), Device.Cpu);

    private TextEmbedding Encode(string prompt, PromptOptions? options = null, int width = 4) => _cache.Encode(
        prompt,
        options ?? PromptOptions.Default,
        () =>
        {
            _encoded.Add(prompt);
            Tensor states = new(1, 1, width);
            states.Values[0] = 1;
            return new TextEmbedding(prompt, PromptOptions.Default, new TextVectors(states, null), [1], [], "model");
        },
        out _);
}
