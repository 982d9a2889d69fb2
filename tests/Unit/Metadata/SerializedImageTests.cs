using System.Text;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;

namespace StableDiffusion.Tests.Metadata;

/// <summary>Images and metadata as bytes, as they go to another process.</summary>
public sealed class SerializedImageTests
{
    private static readonly GenerationInfo s_info = new()
    {
        Prompt = "two\nlines, \"quotes\", 雪, \0, \ud83e\udd93",
        NegativePrompt = "",
        Seed = long.MaxValue,
        Steps = 20,
        GuidanceScale = 3.3333333333333335,
        SchedulerOptions = """{"timestep_spacing":"trailing"}""",
        Lora = """["/home/me/style.safetensors:0.8"]""",
        MicroConditioning = new MicroConditioning { CropTop = 3 },
        Width = 5,
        Height = 3,
        Model = "/home/me/model.safetensors",
    };

    [Theory]
    [InlineData(1, 1)]
    [InlineData(5, 3)]
    [InlineData(257, 1)]
    [InlineData(64, 100)]
    public void An_image_is_the_same_again(int width, int height)
    {
        byte[] pixels = new byte[width * height * DiffusionImage.Channels];
        new Random(width).NextBytes(pixels);

        DiffusionImage actual = ImageFile.FromBytes(ImageFile.ToBytes(new DiffusionImage(width, height, pixels, s_info)));

        Assert.Equal((width, height), (actual.Width, actual.Height));
        Assert.Equal(pixels, actual.Pixels);
        Assert.Equal(s_info, actual.Info);
    }

    [Fact]
    public void A_list_of_ControlNets_is_the_same_again()
    {
        ControlNetInfo net = new() { Name = "/nets/canny", Image = "/images/a.png", Preprocessor = "Canny", Scale = 0.1, Start = 0, End = 1 };
        DiffusionImage image = new(1, 1, new byte[3], new GenerationInfo { ControlNets = [net] });

        Assert.Equal([net], ImageFile.FromBytes(ImageFile.ToBytes(image)).Info.ControlNets!);
    }

    [Fact]
    public void An_image_of_unknown_settings_stays_one() =>
        Assert.Equal(new GenerationInfo(), ImageFile.FromBytes(ImageFile.ToBytes(new DiffusionImage(1, 1, new byte[3]))).Info);

    [Fact]
    public void Damaged_bytes_are_refused()
    {
        byte[] bytes = ImageFile.ToBytes(new DiffusionImage(5, 3, new byte[45], s_info));

        Assert.Throws<ImageInvalidException>(() => ImageFile.FromBytes([]));
        Assert.Throws<ImageInvalidException>(() => ImageFile.FromBytes(bytes[..^20]));
        Assert.Throws<ImageInvalidException>(() => ImageFile.FromBytes([.. bytes[..8], .. MetadataFiles.TextChunk(ImageTexts.RecordName, "{\"Seed\":[]}"u8.ToArray()), .. bytes[8..]]));
    }

    [Fact]
    public void Metadata_is_the_same_again_but_never_has_a_path_to_open()
    {
        ImageMetadata metadata = new(MetadataSource.A1111, s_info with { Model = "model", Lora = """["style:0.8"]""" }, "Cuda")
        {
            Settings = new OrderedDictionary<string, string> { ["Steps"] = "20", ["A"] = "b" },
            Entries = [new TextEntry("tEXt", "parameters", "a\nSteps: 20")],
            Warnings = ["one", "two"],
            Path = "/images/a.png",
        };

        ImageMetadata actual = ImageMetadata.FromBytes(metadata.ToBytes());

        Assert.Equal((metadata.Source, metadata.Info, metadata.RandomSource, metadata.Path), (actual.Source, actual.Info, actual.RandomSource, actual.Path));
        Assert.Equal(metadata.Settings.ToArray(), [.. actual.Settings]);
        Assert.Equal(metadata.Entries, actual.Entries);
        Assert.Equal(metadata.Warnings, actual.Warnings);
        Assert.Equal(("model.safetensors", "style:0.8"), OfPaths());

        static (string?, string?) OfPaths()
        {
            ImageMetadata forged = ImageMetadata.FromBytes(new ImageMetadata(MetadataSource.PowerShell, s_info).ToBytes());
            return (forged.Model, forged.Lora?.Single());
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"Source":1,"Record":"","RandomSource":null,"Settings":null,"Entries":[],"Warnings":[],"Path":""}""")]
    [InlineData("""{"Source":1,"Record":"","RandomSource":null,"Settings":[{"Key":"a","Value":"b"},{"Key":"a","Value":"c"}],"Entries":[],"Warnings":[],"Path":""}""")]
    public void Damaged_metadata_is_refused(string json) =>
        Assert.Throws<ImageInvalidException>(() => ImageMetadata.FromBytes(Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void What_an_image_says_is_what_its_file_would_say()
    {
        using TemporaryFolder folder = new();
        DiffusionImage image = new(5, 3, new byte[45], s_info with { Strength = 0.5 });

        ImageMetadata expected = MetadataReader.Read(ImageFile.Write(image, folder["a.png"], cancellationToken: TestContext.Current.CancellationToken));
        ImageMetadata actual = MetadataReader.Of(image);

        Assert.Equal((expected.Source, expected.Info, expected.RandomSource), (actual.Source, actual.Info, actual.RandomSource));
        Assert.Equal(expected.Entries, actual.Entries);
        Assert.Equal(expected.Warnings, actual.Warnings);
        Assert.Empty(actual.Path);
    }
}
