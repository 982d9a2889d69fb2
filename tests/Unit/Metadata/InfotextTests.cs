using System.Globalization;
using System.Text.Json;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;

namespace StableDiffusion.Tests.Metadata;

public sealed class InfotextTests
{
    private static readonly string s_version = $"StableDiffusion.PowerShell {typeof(Infotext).Assembly.GetName().Version!.ToString(fieldCount: 3)}";

    private static readonly string[] s_knownKeys =
    [
        "Prompt", "Negative prompt", "Steps", "Sampler", "Schedule type", "CFG scale", "Seed", "Size-1", "Size-2", "Model hash", "Model", "Denoising strength",
    ];

    public static TheoryData<string, string> Quotes() =>
        new(Section("quote").Where(item => item.GetProperty("value").ValueKind == JsonValueKind.String)
            .Select(item => (item.GetProperty("value").GetString()!, item.GetProperty("quoted").GetString()!)));

    // The texts that A1111 wrote of nothing but what a GenerationInfo knows.
    public static TheoryData<string> Texts() =>
        [.. Section("parse").Where(IsKnown).Select(item => item.GetProperty("text").GetString()!)];

    [Theory]
    [MemberData(nameof(Quotes))]
    public void A_value_is_quoted_as_A1111_does(string value, string quoted)
    {
        Assert.Equal(quoted, Infotext.Quote(value));
    }

    [Fact]
    public void Quoting_escapes_as_JSON_does()
    {
        const string Value = ":\"\\\r\n\t\b\f\u0001é漢🦓";

        Assert.Equal("\":\\\"\\\\\\r\\n\\t\\b\\f\\u0001é漢🦓\"", Infotext.Quote(Value));
        Assert.Equal(Value, JsonSerializer.Deserialize<string>(Infotext.Quote(Value)));
    }

    [Fact]
    public void Stages_are_told_where_the_settings_do_not_say_them()
    {
        GenerationStage prompt = new() { Operation = StageOperation.EncodePrompt, Settings = new Dictionary<string, object> { ["Prompt"] = "a" } };
        GenerationStage decode = new() { Operation = StageOperation.Decode };
        Assert.DoesNotContain("Stages:", Text(new StageList(Denoise(), decode)), StringComparison.Ordinal);
        Assert.Contains("Stages:", Text(new StageList(Denoise("StopStep"), decode)), StringComparison.Ordinal);
        Assert.Contains("Stages:", Text(new StageList(Denoise(), Denoise(), decode)), StringComparison.Ordinal);
        Assert.Contains("Stages:", Text(new StageList(Denoise(), decode).Edit("00")), StringComparison.Ordinal);

        GenerationStage Denoise(string? setting = null) => new()
        {
            Operation = StageOperation.Denoise,
            Settings = setting is null ? new Dictionary<string, object>() : new Dictionary<string, object> { [setting] = 1L },
            Inputs = new Dictionary<string, IReadOnlyList<StageList>> { ["Embedding"] = [new StageList(prompt)] },
        };

        static string Text(StageList stages) => Infotext.Format(new GenerationInfo { Prompt = "a", Seed = 1, Stages = stages });
    }

    [Theory]
    [MemberData(nameof(Texts))]
    public void What_A1111_reads_from_a_text_makes_the_text_again(string text)
    {
        JsonElement parsed = Section("parse").Single(item => item.GetProperty("text").GetString() == text).GetProperty("parsed");
        string? Value(string key) => parsed.TryGetProperty(key, out JsonElement value) ? value.GetString() : null;
        string? scheduleType = Value("Schedule type");
        GenerationInfo info = new()
        {
            Prompt = Value("Prompt"),
            NegativePrompt = Value("Negative prompt"),
            Steps = Value("Steps") is string steps ? int.Parse(steps, CultureInfo.InvariantCulture) : null,
            Scheduler = scheduleType is null ? Value("Sampler") : $"{Value("Sampler")} {scheduleType}",
            GuidanceScale = Value("CFG scale") is string scale ? double.Parse(scale, CultureInfo.InvariantCulture) : null,
            Seed = Value("Seed") is string seed ? long.Parse(seed, CultureInfo.InvariantCulture) : null,
            Width = Value("Size-1") is string width ? int.Parse(width, CultureInfo.InvariantCulture) : null,
            Height = Value("Size-2") is string height ? int.Parse(height, CultureInfo.InvariantCulture) : null,
            Model = Value("Model"),
            ModelHash = Value("Model hash"),
        };

        // Those texts tell of noise from the graphics card, which goes without saying there; the engine's does not. And the
        // engine says who it is.
        Assert.Equal(info.Seed is null ? text : $"{text}, RNG: CPU, Version: {s_version}", Infotext.Format(info));
    }

    [Fact]
    public void There_are_texts_to_make_again()
    {
        Assert.InRange(Texts().Count, 5, 20);
    }

    [Fact]
    public void All_that_is_known_is_written_in_A1111s_order()
    {
        GenerationInfo info = new()
        {
            Prompt = "a (cat:1.2)",
            NegativePrompt = "blurry",
            Seed = 42,
            RandomSource = "Cuda",
            VariationSeed = 7,
            VariationStrength = 0.25,
            SeedResizeWidth = 512,
            SeedResizeHeight = 640,
            EtaNoiseSeedDelta = 31337,
            Steps = 30,
            Scheduler = "DPM++ 2M Karras",
            GuidanceScale = 5.5,
            GuidanceRescale = 0.7,
            Strength = 0.55,
            Width = 768,
            Height = 1024,
            Model = "my, model",
            ModelHash = "6ce0161689",
            MicroConditioning = new MicroConditioning { OriginalWidth = 2048, CropTop = 8, TargetHeight = 512, NegativeAestheticScore = 1.5 },
        };

        Assert.Equal(
            "a (cat:1.2)\nNegative prompt: blurry\nSteps: 30, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 5.5, Seed: 42, Size: 768x1024, "
            + "Model hash: 6ce0161689, Model: \"my, model\", Variation seed: 7, Variation seed strength: 0.25, Seed resize from: 512x640, "
            + "Denoising strength: 0.55, ENSD: 31337, RNG: NV, CFG rescale: 0.7, Original width: 2048, Crop top: 8, Target height: 512, Negative aesthetic score: 1.5, "
            + $"Version: {s_version}",
            Infotext.Format(info));
    }

    [Theory]
    [InlineData("Euler a", "Sampler: Euler a")]
    [InlineData("DPM++ 2M SDE Exponential", "Sampler: DPM++ 2M SDE, Schedule type: Exponential")]
    [InlineData("Euler SGM Uniform", "Sampler: Euler, Schedule type: SGM Uniform")]
    [InlineData("LMS karras", "Sampler: LMS, Schedule type: Karras")]
    [InlineData("Karras", "Sampler: Karras")]
    [InlineData("DDIM", "Sampler: DDIM")]
    public void The_schedule_stands_apart_from_the_sampler(string scheduler, string text)
    {
        Assert.Equal(text, Infotext.Format(new GenerationInfo { Scheduler = scheduler }));
    }

    [Fact]
    public void A1111s_sampler_has_the_name_that_it_has_there_and_the_catalogs_beside_it()
    {
        Assert.Equal(
            $"Sampler: DPM++ 2M, Schedule type: Karras, Seed: 1, RNG: CPU, Scheduler: A1111 DPM++ 2M Karras, Version: {s_version}",
            Infotext.Format(new GenerationInfo { Scheduler = "A1111 DPM++ 2M Karras", Seed = 1 }));
    }

    [Fact]
    public void Nothing_known_is_an_empty_text()
    {
        Assert.Empty(Infotext.Format(new GenerationInfo()));
        Assert.Empty(Infotext.Format(new GenerationInfo { Prompt = "", NegativePrompt = "", Width = 5 }));
    }

    [Fact]
    public void Numbers_are_written_the_same_in_every_culture()
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = new CultureInfo("de-DE");
            Assert.Equal("CFG scale: 7.5, Denoising strength: 1", Infotext.Format(new GenerationInfo { GuidanceScale = 7.5, Strength = 1 }));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    private static JsonElement[] Section(string name)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Repository.Data("infotext.json")));
        return [.. document.RootElement.GetProperty(name).EnumerateArray().Select(item => item.Clone())];
    }

    private static bool IsKnown(JsonElement item)
    {
        string text = item.GetProperty("text").GetString()!;
        return text.Trim() == text && item.GetProperty("parsed").EnumerateObject().All(pair => s_knownKeys.Contains(pair.Name))
            && !text.Contains(": ,", StringComparison.Ordinal);
    }
}
