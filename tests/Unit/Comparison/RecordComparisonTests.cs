using System.Collections;
using System.Reflection;
using StableDiffusion.Comparison;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;
using StableDiffusion.Settings.Passes;

namespace StableDiffusion.Tests.Comparison;

public sealed class RecordComparisonTests
{
    private static readonly ControlNetInfo s_net = new() { Name = "canny", Hash = "01", Preprocessor = "Canny", Scale = 1, Start = 0, End = 1 };
    private static readonly GenerationInfo s_info = new() { Prompt = "a red house", Width = 64, Height = 64 };

    public static TheoryData<string> Properties { get; } =
        [.. typeof(GenerationInfo).GetProperties().Where(property => property.CanWrite).Select(property => property.Name)];

    /// <summary>A setting that is added to the record and left out here would make other pixels without a reason.</summary>
    [Theory]
    [MemberData(nameof(Properties))]
    public void Each_part_of_the_record_is_compared(string name)
    {
        PropertyInfo property = typeof(GenerationInfo).GetProperty(name)!;
        GenerationInfo other = s_info with { };
        property.SetValue(other, ValueOf(name, property.PropertyType));

        Assert.NotEmpty(new RecordComparison(s_info, other).Settings);
        Assert.Empty(new RecordComparison(other, other with { }).Settings);
    }

    [Fact]
    public void A_batch_on_the_device_or_another_number_of_threads_is_a_cause_of_other_pixels()
    {
        GenerationInfo alone = Made(StageMaker.Cpu), batch = Made(StageMaker.Cpu with { BatchOnDevice = 4, BatchRow = 2 });
        Assert.Equal("the batch on the device (none and row 3 of a batch of 4 on the device) differs", new RecordComparison(alone, batch).Cause());
        Assert.Empty(new RecordComparison(alone, batch).Settings);
        Assert.DoesNotContain("batch", new RecordComparison(batch, batch).Cause(), StringComparison.Ordinal);
        Assert.Equal("the number of threads (1 thread and 8 threads) differs", new RecordComparison(Made(StageMaker.Cpu with { Threads = 1 }), Made(StageMaker.Cpu with { Threads = 8 })).Cause());

        static GenerationInfo Made(StageMaker made) => s_info with { Stages = new StageList(new GenerationStage { Operation = StageOperation.Denoise, Made = made }) };
    }

    [Fact]
    public void Values_are_in_the_form_that_a_table_takes()
    {
        GenerationInfo other = s_info with
        {
            Lora = TextList.Write(["style:0.8", "detail:0.5"]),
            SchedulerOptions = """{"eta":0.5,"timestep_spacing":"trailing","use_karras_sigmas":true}""",
            GuidanceScale = 7.5,
            ControlNets = [s_net, s_net with { Name = "tile", Scale = 0.5 }],
        };

        Dictionary<string, object?> values = new RecordComparison(s_info, other).Settings.ToDictionary(setting => setting.Name, setting => setting.DifferenceValue);
        Assert.Equal("style:0.8; detail:0.5", values["Lora"]);
        Assert.Equal("eta=0.5; timestep_spacing=trailing; use_karras_sigmas=True", values["SchedulerOption"]);
        Assert.Equal(7.5, values["GuidanceScale"]);
        Assert.Equal("canny; tile", values["ControlNet"]);
        Assert.Equal("1; 0.5", values["ControlScale"]);
        Assert.Equal("01; 01", values["ControlNetHash"]);
    }

    [Fact]
    public void Defaults_and_folders_make_no_difference()
    {
        GenerationInfo written = s_info with
        {
            ClipSkip = 1, RandomSource = "TorchCpu", NegativePrompt = string.Empty, Model = Path.Combine(Path.GetTempPath(), "dream.safetensors"),
            MicroConditioning = new MicroConditioning { OriginalWidth = 64, CropTop = 0 }, ControlNets = [s_net with { Image = Path.GetFullPath("edges.png") }],
        };
        GenerationInfo read = s_info with { Model = "dream.safetensors", ControlNets = [s_net] };

        Assert.Empty(new RecordComparison(written, read).Settings);
    }

    [Fact]
    public void A_record_is_compared_with_what_a_file_of_it_says()
    {
        using TemporaryFolder folder = new();
        StableDiffusion.Images.DiffusionImage image = new(1, 1, [1, 2, 3], s_info with { Seed = 7, Lora = TextList.Write([Path.GetFullPath("style.safetensors") + ":0.8"]) });
        ImageFile.Write(image, folder["a.png"], cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal(ComparisonVerdict.Equal, new ImageComparison(image, ImageFile.ReadWithSettings(folder["a.png"], TestContext.Current.CancellationToken)).Verdict);
        Assert.Single(new RecordComparison(image.Info, image.Info with { Seed = 8 }).Settings);
    }

    [Fact]
    public void Expected_settings_can_be_lists_and_options()
    {
        GenerationInfo info = s_info with { Lora = TextList.Write(["style:0.8"]), SchedulerOptions = """{"eta":0.5,"timesteps":[9,1]}""", Seed = long.MaxValue, GuidanceScale = 7.5 };
        KeyValuePair<string, object?>[] met =
        [
            new("Lora", (string[])["Style:0.8"]), new("SchedulerOption", new Dictionary<string, object?> { ["timesteps"] = (int[])[9, 1], ["eta"] = 0.5 }), new("seed", long.MaxValue),
            new("GuidanceScale", "7.50"), new("OriginalWidth", 64), new("CropTop", 0), new("AestheticScore", null), new("ControlNet", null),
        ];

        Assert.Empty(RecordComparison.Unmet(info, met));
        Assert.Equal(["Seed (9223372036854775806, 9223372036854775807)"], RecordComparison.Unmet(info, [new("Seed", long.MaxValue - 1)]).Select(setting => setting.ToString()));
        Assert.Equal(["Prompt ('007', 'a red house')"], RecordComparison.Unmet(info, [new("Prompt", "007")]).Select(setting => setting.ToString()));
        Assert.Contains("'Steps'", Assert.Throws<InvalidSettingException>(() => RecordComparison.Unmet(info, [new("Step", 1)])).Message, StringComparison.Ordinal);
        Assert.Contains("setting 'Steps' is a hashtable", Assert.Throws<InvalidSettingException>(() => RecordComparison.Unmet(info, [new("Steps", new Hashtable { ["a"] = 1 })])).Message, StringComparison.Ordinal);
    }

    /// <summary>The end of a long text must not be all that is shown of it.</summary>
    [Theory]
    [InlineData("red", "green", "'…and a dragon red and a village…', '…and a dragon green and a village…'")]
    [InlineData("red", "", "'…and a dragon red and a village…', '…and a dragon  and a village…'")]
    [InlineData("a red cat that sleeps on the roof of the house at the end of the street", "green", "'…and a dragon a red cat that sleeps on t")]
    public void Of_long_texts_the_part_that_differs_is_shown(string first, string second, string shown)
    {
        const string Before = "a castle on the hill with many towers and flags, and a dragon", After = "and a village with a church and a river in the valley below";
        string text = new SettingDifference("Prompt", $"{Before} {first} {After}", $"{Before} {second} {After}").ToString();

        Assert.StartsWith($"Prompt ({shown}", text, StringComparison.Ordinal);
        Assert.InRange(text.Length, 1, 140);
    }

    [Fact]
    public void Stages_of_other_kinds_are_told_apart_also_if_only_their_inputs_differ()
    {
        StageList one = new(Denoise("Embedding")), two = new(Denoise("Embedding", "NegativeEmbedding"));
        SettingDifference difference = Assert.Single(new RecordComparison(s_info with { Stages = one }, s_info with { Stages = two }).Settings);
        Assert.Equal("Stages ('EncodePrompt, Denoise', 'EncodePrompt, EncodePrompt, Denoise')", difference.ToString());

        static GenerationStage Denoise(params string[] inputs) => new()
        {
            Operation = StageOperation.Denoise,
            Inputs = inputs.ToDictionary(name => name, _ => (IReadOnlyList<StageList>)[new StageList(new GenerationStage { Operation = StageOperation.EncodePrompt })]),
        };
    }

    private static object ValueOf(string name, Type type) => (Nullable.GetUnderlyingType(type) ?? type) switch
    {
        var number when number == typeof(int) => 2,
        var number when number == typeof(long) => 2L,
        var number when number == typeof(double) => 0.75,
        var flag when flag == typeof(bool) => true,
        var text when text == typeof(string) => name switch
        {
            nameof(GenerationInfo.Lora) or nameof(GenerationInfo.TextualInversion) => """["style"]""",
            nameof(GenerationInfo.SchedulerOptions) => """{"eta":1}""",
            _ => "other",
        },
        var group when group == typeof(MicroConditioning) => new MicroConditioning { CropTop = 8 },
        var group when group == typeof(HiresSettings) => new HiresSettings { HiresScale = 2 },
        var group when group == typeof(DetailSettings) => new DetailSettings { DetailSteps = 2 },
        var list when list == typeof(IReadOnlyList<ControlNetInfo>) => (ControlNetInfo[])[s_net],
        var stages when stages == typeof(StageList) => new StageList().Append(StageOperation.ReadImage, "00", ("Path", "a.png")),
        var other => throw new NotSupportedException($"The test has no value of {other} for {name}: compare it in RecordComparison, and give one here."),
    };
}
