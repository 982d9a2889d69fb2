using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using StableDiffusion.Batches.Claims;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Pipelines;
using StableDiffusion.Pipelines.Checkpoints;
using StableDiffusion.Settings;
using StableDiffusion.Tests.Pipelines;

namespace StableDiffusion.Tests.Batches.Claims;

/// <summary>An image that was ended and gone on with is the one that was not, with its record.</summary>
public sealed class CheckpointTests(SharedModels models) : IDisposable
{
    private const string Prompt = "a red house on the grass";

    private readonly TemporaryFolder _folder = new();
    private readonly Interruption _interruption = new();
    private readonly List<string> _warnings = [];
    private readonly List<string> _notes = [];

    private string Image => _folder["a.png"];

    private string Path => Image + CheckpointFile.Ending;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string, DenoiseOptions, bool> Runs() => new()
    {
        { nameof(SharedModels.Demo), new DenoiseOptions { Scheduler = "DPM++ 2M SDE Karras" }, false },
        { nameof(SharedModels.Demo), new DenoiseOptions { Scheduler = "DPM++ SDE", RandomSource = "Cuda" }, false },
        { nameof(SharedModels.Demo), new DenoiseOptions { Scheduler = "Euler a", BatchSize = 3, BatchIndex = 2, EtaNoiseSeedDelta = 31337, NegativePrompt = "a tree" }, false },
        { nameof(SharedModels.Demo), new DenoiseOptions { Scheduler = "UniPC", GuidanceRescale = 0.7, GuidanceStart = 0.4, GuidanceEnd = 0.9, Tiling = "X", VariationSeed = 3, VariationStrength = 0.2 }, false },
        { nameof(SharedModels.Demo), new DenoiseOptions { Scheduler = "DDIM", SchedulerOptions = """{"eta":0.8,"timestep_spacing":"trailing"}""", Width = 72, Height = 40 }, false },
        { nameof(SharedModels.Demo), new DenoiseOptions { Scheduler = "Heun", PromptSyntax = "A1111", Emphasis = "NoNorm", ClipSkip = 2 }, false },
        { nameof(SharedModels.Demo), new DenoiseOptions { Hires = new HiresSettings { HiresScale = 1.5 } }, false },
        { nameof(SharedModels.Demo), new DenoiseOptions { Strength = 0.9 }, true },
        { nameof(SharedModels.Demo), new DenoiseOptions { Strength = 0.9, InpaintMode = "Soft", MaskBlur = 3 }, true },
        { nameof(SharedModels.Inpainting), new DenoiseOptions { Strength = 0.9 }, true },
        { nameof(SharedModels.Large), new DenoiseOptions { MicroConditioning = new MicroConditioning { CropTop = 8 } }, false },
    };

    public void Dispose()
    {
        _interruption.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [MemberData(nameof(Runs), DisableDiscoveryEnumeration = true)]
    public void It_ends_with_the_same_pixels_and_the_same_record(string model, DenoiseOptions options, bool isMasked)
    {
        DiffusionPipeline pipeline = new(models.Open(models.Find(model)));
        TextToImage Job() => Request(pipeline, options with { Seed = 7, Steps = 6, Prompt = Prompt, Width = options.Width ?? (isMasked ? null : 64), Height = options.Height ?? (isMasked ? null : 64) }, isMasked);
        DiffusionImage whole = Job().Make(pipeline, 0, cancellationToken: Cancellation);

        // Two processes are ended, each after its second step.
        for (int run = 1; run <= 2; run++)
        {
            int seen = 0;
            using Interruption interruption = new();
            WorkInterruptedException error = Assert.Throws<WorkInterruptedException>(() => Job().Make(pipeline, 0, new Observer(Open(interruption), _ => End(interruption, ++seen)), Cancellation));
            Assert.Contains("is kept", error.Message, StringComparison.Ordinal);
            Assert.True(File.Exists(Path));
        }

        int steps = 0;
        DiffusionImage ended = Job().Make(pipeline, 0, new Observer(Open(_interruption), _ => steps++), Cancellation);
        Assert.Empty(_warnings);
        Assert.Equal(2, _notes.Count);
        Assert.Equal(whole.Pixels, ended.Pixels);
        Assert.Equal(GenerationRecord.Write(whole.Info), GenerationRecord.Write(ended.Info));
        Assert.InRange(steps, 1, options.Hires is null ? 3 : 9);

        // The signal comes within the second step, which is finished.
        static void End(Interruption interruption, int step)
        {
            if (step == 1)
                interruption.Request("SIGTERM");
        }
    }

    [Theory]
    [InlineData("seed")]
    [InlineData("steps")]
    [InlineData("prompt")]
    [InlineData("model")]
    [InlineData("values")]
    [InlineData("torn")]
    [InlineData("empty")]
    [InlineData("text")]
    public void One_that_is_damaged_or_of_another_image_is_not_used(string fault)
    {
        DiffusionPipeline pipeline = new(models.Open(models.Demo));
        DenoiseOptions options = new() { Seed = 7, Steps = 4, Prompt = Prompt, GuidanceScale = 1 };
        Stop(pipeline, Request(pipeline, options));
        byte[] bytes = File.ReadAllBytes(Path);
        if (fault == "values")
            bytes[^100] ^= 1;
        File.WriteAllBytes(Path, fault switch { "torn" => bytes[..(bytes.Length / 2)], "empty" => [], "text" => "hello"u8.ToArray(), _ => bytes });
        options = fault switch { "seed" => options with { Seed = 8 }, "steps" => options with { Steps = 5 }, "prompt" => options with { Prompt = Prompt + "." }, _ => options };
        if (fault == "model")
            pipeline = new DiffusionPipeline(models.Open(models.HalfDemo));

        DiffusionImage whole = Request(pipeline, options).Make(pipeline, 0, cancellationToken: Cancellation);
        int steps = 0;
        DiffusionImage made = Request(pipeline, options).Make(pipeline, 0, new Observer(Open(_interruption), _ => steps++), Cancellation);
        Assert.Equal(options.Steps, steps);
        Assert.Equal(whole.Pixels, made.Pixels);
        Assert.Contains("is not used", Assert.Single(_warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("history")]
    [InlineData("recipe")]
    [InlineData("length")]
    public void One_that_was_forged_with_a_hash_of_its_own_is_not_used(string fault)
    {
        DiffusionPipeline pipeline = new(models.Open(models.Demo));
        DenoiseOptions options = new() { Seed = 7, Steps = 4, Prompt = Prompt, GuidanceScale = 1, Scheduler = "DPM++ 2M" };
        Stop(pipeline, Request(pipeline, options));
        if (fault == "length")
        {
            using FileStream file = File.OpenWrite(Path);
            file.SetLength(1L << 30);
        }
        else
        {
            Forge(
                header => fault == "recipe" ? Regex.Replace(header, @"(steps_offset\\+u0022:)1", "${1}9") : header,
                name => fault == "history" && name.EndsWith("history.0", StringComparison.Ordinal) ? float.NaN : null);
        }

        DiffusionImage whole = Request(pipeline, options).Make(pipeline, 0, cancellationToken: Cancellation);
        int steps = 0;
        DiffusionImage made = Request(pipeline, options).Make(pipeline, 0, new Observer(Open(_interruption), _ => steps++), Cancellation);
        Assert.Equal(options.Steps, steps);
        Assert.Equal(whole.Pixels, made.Pixels);
        Assert.Contains(fault == "length" ? "and the limit for such a file is" : "is not used", Assert.Single(_warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void What_does_not_change_with_the_steps_is_not_taken_from_it()
    {
        DiffusionPipeline pipeline = new(models.Open(models.Demo));
        DenoiseOptions options = new() { Seed = 7, Steps = 6, Prompt = Prompt, Strength = 0.9 };
        Stop(pipeline, Request(pipeline, options, isMasked: true));
        Forge(static header => header, static name => name.EndsWith("mask", StringComparison.Ordinal) ? 0 : null);
        DiffusionImage whole = Request(pipeline, options, isMasked: true).Make(pipeline, 0, cancellationToken: Cancellation);
        Assert.Equal(whole.Pixels, Request(pipeline, options, isMasked: true).Make(pipeline, 0, new Observer(Open(_interruption), static _ => { }), Cancellation).Pixels);
        Assert.Single(_notes);
    }

    [Fact]
    public void Features_that_are_reused_are_not_kept()
    {
        DiffusionPipeline pipeline = new(models.Open(models.Demo));
        TextToImage job = Request(pipeline, new DenoiseOptions { Seed = 7, Steps = 4, Prompt = Prompt, FeatureReuse = 2 });
        _interruption.Request("SIGTERM");
        job.Make(pipeline, 0, new Observer(Open(_interruption), static _ => { }), Cancellation);
        Assert.False(File.Exists(Path));
    }

    [Fact]
    public void It_is_kept_from_time_to_time_without_a_signal_and_only_if_asked_for()
    {
        DiffusionPipeline pipeline = new(models.Open(models.Demo));
        DenoiseOptions options = new() { Seed = 7, Steps = 3, Prompt = Prompt, GuidanceScale = 1 };
        Request(pipeline, options).Make(pipeline, 0, new Observer(new CheckpointFile(Image, keeps: false, null, _warnings.Add, _notes.Add) { Interval = TimeSpan.Zero }, static _ => { }), Cancellation);
        Assert.False(File.Exists(Path));
        Request(pipeline, options).Make(pipeline, 0, new Observer(new CheckpointFile(Image, keeps: true, null, _warnings.Add, _notes.Add) { Interval = TimeSpan.Zero }, static _ => { }), Cancellation);
        Assert.Equal((2, 3), (CheckpointFile.Read(Path).Step, CheckpointFile.Read(Path).StepCount));
        CheckpointFile.Delete(Image);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    /// <summary>Changes the header or the values of tensors, and writes the hash anew.</summary>
    private void Forge(Func<string, string> change, Func<string, float?> valueOf)
    {
        byte[] state = File.ReadAllBytes(Path)[SHA256.HashSizeInBytes..];
        int length = (int)BinaryPrimitives.ReadInt64LittleEndian(state);
        string header = Encoding.UTF8.GetString(state, sizeof(long), length);
        byte[] values = state[(sizeof(long) + length)..];
        bool isForged = change(header) != header;
        foreach (JsonProperty tensor in JsonDocument.Parse(header).RootElement.EnumerateObject())
        {
            if (valueOf(tensor.Name) is not float value)
                continue;
            JsonElement offsets = tensor.Value.GetProperty("data_offsets");
            MemoryMarshal.Cast<byte, float>(values.AsSpan(offsets[0].GetInt32()..offsets[1].GetInt32())).Fill(value);
            isForged = true;
        }

        Assert.True(isForged, header);
        byte[] changed = Encoding.UTF8.GetBytes(change(header));
        byte[] forged = [.. BitConverter.GetBytes((long)changed.Length), .. changed, .. values];
        File.WriteAllBytes(Path, [.. SHA256.HashData(forged), .. forged]);
    }

    private CheckpointFile Open(Interruption interruption) => new(Image, keeps: true, interruption, _warnings.Add, _notes.Add);

    private void Stop(DiffusionPipeline pipeline, TextToImage job)
    {
        using Interruption interruption = new();
        interruption.Request("SIGUSR1");
        Assert.Throws<WorkInterruptedException>(() => job.Make(pipeline, 0, new Observer(Open(interruption), static _ => { }), Cancellation));
    }

    private static TextToImage Request(DiffusionPipeline pipeline, DenoiseOptions options, bool isMasked = false)
    {
        StartImage? start = isMasked ? pipeline.FitImage(ImageFile.Read(FamilyReference.Find("sd1-inpaint", "source.png")), ImageFile.ReadMask(FamilyReference.Find("sd1-inpaint", "mask.png")), inpainting: options) : null;
        return new TextToImage(new TextToImageRequest { Options = start is null ? options : options with { Mask = start.Mask, Width = start.Image.Width, Height = start.Image.Height }, Start = start });
    }

    private sealed class Observer(DenoiseCheckpoint checkpoint, Action<StepProgress> onStep) : StageObserver
    {
        public override DenoiseCheckpoint? Checkpoint => checkpoint;

        public override void OnStep(StepProgress progress) => onStep(progress);
    }
}
