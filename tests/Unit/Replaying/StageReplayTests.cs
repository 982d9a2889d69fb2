using SdPowerShell.Scripts;
using StableDiffusion.Images;
using StableDiffusion.Library;
using StableDiffusion.Metadata;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Replaying;
using StableDiffusion.Settings;

namespace StableDiffusion.Tests.Replaying;

/// <summary>Recorded stages are checked before they are repeated.</summary>
public sealed class StageReplayTests : CompositionCase
{
    [Fact]
    public void What_cannot_be_repeated_is_named_before_anything_is_made()
    {
        using ModelLease lease = Library.Open("demo", Device.Cpu);
        DiffusionPipeline pipeline = new(lease.Model);
        DiffusionImage image = Make(new DenoiseOptions { Prompt = "a red house", Seed = 1, Steps = 2 });

        Assert.Contains("newer", Refused(image.Stages!.Append(new GenerationStage { Operation = "Sharpen" })), StringComparison.Ordinal);
        Assert.Contains("script", Refused(StageList.Unknown(null)), StringComparison.Ordinal);
        Assert.Contains("'x.png'", Refused(new StageList().Append(StageOperation.ReadImage, "00", ("Path", "x.png"))), StringComparison.Ordinal);
        Assert.Contains("no stages", Refused(new StageList()), StringComparison.Ordinal);

        image.Pixels[7] ^= 1;
        Assert.Equal(StageOperation.Edit, image.Origin()[^1].Operation);
        Assert.Contains("script", Refused(image.Origin()), StringComparison.Ordinal);

        DiffusionImage Make(DenoiseOptions options) => new TextToImage(new TextToImageRequest { Options = options }).Make(pipeline, 0, cancellationToken: Token);

        string Refused(StageList stages) => Assert.Throws<NotRepeatableException>(() => new StageReplay(Library, Use, new ReplayImages()).Check(stages, Token)).Message;
    }

    [Fact]
    public void A_model_that_has_changed_is_a_warning()
    {
        using ModelLease lease = Library.Open("demo", Device.Cpu);
        DiffusionImage image = new TextToImage(new TextToImageRequest { Options = new DenoiseOptions { Prompt = "a red house", Seed = 1, Steps = 2 } }).Make(new DiffusionPipeline(lease.Model), 0, cancellationToken: Token);
        string record = GenerationRecord.Write(image.Info).Replace(image.Info.ModelHash!, "0123456789", StringComparison.Ordinal);

        IReadOnlyList<string> warnings = new StageReplay(Library, Use, new ReplayImages()).Check(GenerationRecord.Read(record)!.Stages!, Token);
        Assert.Contains(warnings, static warning => warning.Contains("'demo'", StringComparison.Ordinal) && warning.Contains("0123456789", StringComparison.Ordinal));
    }

    [Fact]
    public void Settings_that_the_stages_contradict_are_used_alone_with_a_warning()
    {
        using ModelLease lease = Library.Open("demo", Device.Cpu);
        DenoiseOptions options = new() { Prompt = "a red house", NegativePrompt = "blue", Seed = 1, Steps = 2, PromptSyntax = "A1111" };
        DiffusionImage image = new TextToImage(new TextToImageRequest { Options = options }).Make(new DiffusionPipeline(lease.Model), 0, cancellationToken: Token);
        Assert.Null(Read(image.Info).Warnings.SingleOrDefault());
        Assert.NotNull(Read(image.Info).Info.Stages);

        foreach ((GenerationInfo changed, string name) in ((GenerationInfo, string)[])
            [
                (image.Info with { Prompt = "a blue house" }, "Prompt"), (image.Info with { NegativePrompt = null }, "NegativePrompt"), (image.Info with { Seed = 2 }, "Seed"),
                (image.Info with { Steps = 3 }, "Steps"), (image.Info with { Hires = new HiresSettings { HiresScale = 2 } }, "Hires"),
            ])
        {
            ImageMetadata read = Read(changed);
            Assert.Contains($"differ in {name}.", Assert.Single(read.Warnings), StringComparison.Ordinal);
            Assert.Null(read.Info.Stages);
        }

        ImageMetadata Read(GenerationInfo info)
        {
            string file = Folder[$"record-{Guid.NewGuid():N}.png"];
            ImageFile.Write(new DiffusionImage(image.Width, image.Height, image.Pixels, info), file, cancellationToken: Token);
            return MetadataReader.Load(file, Token);
        }
    }

    [Theory]
    [InlineData("StartStep", 1.5)]
    [InlineData("DenoisingStart", "half")]
    [InlineData("Steps", "20")]
    [InlineData("Rounding", 2L)]
    [InlineData("Prompt", 3.5)]
    public void Values_that_cannot_be_read_are_refused_by_replays_and_scripts(string name, object value)
    {
        StageList stages = new([new GenerationStage { Operation = StageOperation.Decode, Settings = new Dictionary<string, object> { [name] = value } }]);
        Assert.Contains(name, Assert.Throws<NotRepeatableException>(() => new StageReplay(Library, Use, new ReplayImages()).Check(stages, Token)).Message, StringComparison.Ordinal);
        Assert.Contains(name, Assert.Throws<NotRepeatableException>(() => StageScript.Write(stages, "x")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(StageOperation.MergeEmbeddings, "Embedding", 2, "Ratio", 1.5)]
    [InlineData(StageOperation.MergeEmbeddings, "Embedding", 3, "Ratio", 0.5)]
    [InlineData(StageOperation.MergeEmbeddings, "Embedding", 1, "Ratio", 0.5)]
    [InlineData(StageOperation.MergeEmbeddings, "Latent", 2, "Ratio", 0.5)]
    [InlineData(StageOperation.MergeEmbeddings, "Embedding", 3, "Weight", new[] { 1.0, 2 })]
    [InlineData(StageOperation.MergeEmbeddings, "Embedding", 2, "Weight", new[] { 1.0, -0.5 })]
    [InlineData(StageOperation.MergeEmbeddings, "Embedding", 2, "Weight", new[] { 0.0, 0 })]
    [InlineData(StageOperation.MergeLatents, "Latent", 2, "Weight", new[] { 1.0, 2 })]
    [InlineData(StageOperation.MergeLatents, "Latent", 2, "Mode", "Linear")]
    public void Damaged_merges_are_refused_by_replays_and_scripts(string operation, string input, int count, string setting, object value)
    {
        StageList prompt = new(new GenerationStage { Operation = StageOperation.EncodePrompt, Settings = new Dictionary<string, object> { ["Prompt"] = "a" } });
        StageList stages = new(new GenerationStage
        {
            Operation = operation,
            Settings = new Dictionary<string, object> { [setting] = value },
            Inputs = new Dictionary<string, IReadOnlyList<StageList>> { [input] = [.. Enumerable.Repeat(prompt, count)] },
        });
        Assert.Contains("damaged", Assert.Throws<NotRepeatableException>(() => new StageReplay(Library, Use, new ReplayImages()).Check(stages, Token)).Message, StringComparison.Ordinal);
        Assert.Contains("damaged", Assert.Throws<NotRepeatableException>(() => StageScript.Write(stages, "x")).Message, StringComparison.Ordinal);
        Assert.NotEmpty(stages.ToString());
    }

    [Fact]
    public void Files_with_other_pixels_and_images_given_in_vain_are_warnings()
    {
        string file = Folder["start.png"];
        using ModelLease lease = Library.Open("demo", Device.Cpu);
        DiffusionPipeline pipeline = new(lease.Model);
        ImageFile.Write(Picture(90), file, cancellationToken: TestContext.Current.CancellationToken);
        StageList stages = pipeline.Decode(pipeline.EncodeImage(ImageFile.Read(file), cancellationToken: Token), Token).Stages!;
        ReplayImages extra = new() { OpensPaths = true };
        extra.Add(Picture(10));
        Assert.Contains("'64x64'", Assert.Single(Check(extra)), StringComparison.Ordinal);
        Assert.Empty(Check(new ReplayImages { OpensPaths = true }));

        ImageFile.Write(Picture(200), file, new ImageWriteOptions { Overwrite = true }, cancellationToken: TestContext.Current.CancellationToken);
        ReplayImages images = new() { OpensPaths = true };
        Assert.Contains($"'{file}' has other pixels", Assert.Single(Check(images)), StringComparison.Ordinal);

        // What was opened for the check is not decoded again.
        File.Delete(file);
        Assert.Equal(64, new StageReplay(Library, Use, images).Run(stages, Token).Width);

        IReadOnlyList<string> Check(ReplayImages given) => new StageReplay(Library, Use, given).Check(stages, Token);

        static DiffusionImage Picture(byte level) => new(64, 64, [.. Enumerable.Repeat(level, 64 * 64 * DiffusionImage.Channels)]);
    }

    [Theory]
    [InlineData("{\"Stages\":1}")]
    [InlineData("{\"Stages\":[1]}")]
    [InlineData("{\"Stages\":[{}]}")]
    [InlineData("{\"Stages\":[{\"Operation\":5}]}")]
    [InlineData("{\"Stages\":[{\"Operation\":\"Denoise\",\"Settings\":{\"Seed\":{}}}]}")]
    [InlineData("{\"Stages\":[{\"Operation\":\"Denoise\",\"Settings\":{\"Seed\":[1,\"a\"]}}]}")]
    [InlineData("{\"Stages\":[{\"Operation\":\"Denoise\",\"Inputs\":{\"Embedding\":[{}]}}]}")]
    [InlineData("{\"Stages\":[{\"Operation\":\"Denoise\",\"Made\":[]}]}")]
    [InlineData("{\"Stages\":[{\"Operation\":\"\\ud800\"}]}")]
    [InlineData("{\"Stages\":[{\"Operation\":\"a\",\"Settings\":{\"\\ud800\":1}}]}")]
    [InlineData("{\"Stages\":[{\"Operation\":\"a\",\"Settings\":{\"b\":1,\"b\":2}}]}")]
    public void A_damaged_list_of_stages_is_not_read(string json) => Assert.Null(GenerationRecord.Read(json));
}
