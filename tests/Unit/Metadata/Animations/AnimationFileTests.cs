using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Metadata.Animations;
using StableDiffusion.Settings;

namespace StableDiffusion.Tests.Metadata.Animations;

public sealed class AnimationFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(1, 0)]
    [InlineData(3, 1)]
    [InlineData(5, 7)]
    public void A_png_has_the_very_pixels_of_each_frame(int count, int loop)
    {
        DiffusionImage[] images = [.. Enumerable.Range(0, count).Select(static seed => Make(37, 23, seed, 256))];
        AnimationFrames read = AnimationFrames.ReadPng(File.ReadAllBytes(Write("film.png", new AnimationOptions { Delay = 70, Loop = loop }, images)));
        Assert.Equal((count, loop), (read.Images.Count, read.Plays));
        Assert.All(read.Delays, static delay => Assert.Equal(70, delay));
        Assert.All(images.Zip(read.Images), static pair => Assert.Equal(pair.First.Pixels, pair.Second.Pixels));

        // Other programs see the first frame.
        Assert.Equal(images[0].Pixels, ImageFile.Read(_folder["film.png"]).Pixels);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(4, 0)]
    [InlineData(3, 5)]
    public void A_gif_has_the_very_pixels_of_frames_with_few_colors(int count, int loop)
    {
        DiffusionImage[] images = [.. Enumerable.Range(0, count).Select(static seed => Make(41, 30, seed, 5))];
        AnimationFrames read = AnimationFrames.ReadGif(File.ReadAllBytes(Write("film.gif", new AnimationOptions { Delay = 124, Loop = loop }, images)));
        Assert.Equal((count, loop), (read.Images.Count, read.Plays));
        Assert.All(read.Delays, static delay => Assert.Equal(120, delay));
        Assert.All(images.Zip(read.Images), static pair => Assert.Equal(pair.First.Pixels, pair.Second.Pixels));
        Assert.Equal(images[0].Pixels, ImageFile.Read(_folder["film.gif"]).Pixels);
    }

    [Fact]
    public void A_gif_has_nearly_the_pixels_of_frames_with_many_colors()
    {
        byte[] pixels = new byte[128 * 96 * 3];
        for (int i = 0; i < pixels.Length / 3; i++)
            (pixels[i * 3], pixels[(i * 3) + 1], pixels[(i * 3) + 2]) = ((byte)(i % 128 * 2), (byte)(i / 128 * 2), (byte)((i % 128) + (i / 128)));
        DiffusionImage image = new(128, 96, pixels), inverse = new(128, 96, Array.ConvertAll(pixels, static level => (byte)(255 - level)));
        AnimationFrames read = AnimationFrames.ReadGif(File.ReadAllBytes(Write("film.gif", null, image, inverse)));
        Assert.All(((DiffusionImage[])[image, inverse]).Zip(read.Images), static pair => Assert.InRange(pair.First.Pixels.Zip(pair.Second.Pixels, static (a, b) => Math.Abs(a - b)).Average(), 0.1, 8));
    }

    [Theory]
    [InlineData("film.png")]
    [InlineData("film.gif")]
    public void The_record_has_those_of_all_frames(string name)
    {
        DiffusionImage[] images = [.. Enumerable.Range(0, 3).Select(static seed => Make(8, 8, seed, 4))];
        foreach (DiffusionImage image in images)
            ImageFile.Write(image, _folder[$"{image.Pixels[0]}-{image.GetHashCode()}.png"], cancellationToken: Cancellation);
        ImageMetadata metadata = MetadataReader.Read(Write(name, new AnimationOptions { Delay = 40 }, [.. images.Select(image => ImageFile.Read(image.Path!))]));
        GenerationStage stage = Assert.Single(metadata.Stages!);
        Assert.Equal(StageOperation.Animate, stage.Operation);
        Assert.Equal((40L, 0L), (stage.Settings["Delay"], stage.Settings["Loop"]));
        Assert.Equal(images.Select(image => Path.GetFileName(image.Path)), stage.Inputs["Image"].Select(static frame => frame.File));
        Assert.DoesNotContain(metadata.Warnings, static warning => warning.Contains("damaged", StringComparison.Ordinal));
        Assert.Equal(MetadataSource.Unknown, MetadataReader.Read(Write(name, new AnimationOptions { Metadata = false, Overwrite = true }, images)).Source);
    }

    [Fact]
    public void Frames_of_another_size_are_refused_by_name()
    {
        using AnimationFile file = new(_folder["film.gif"]);
        file.Add(Make(8, 8, 1, 4), Cancellation);
        DiffusionImage other = Make(9, 8, 1, 4);
        ImageFile.Write(other, _folder["other.png"], cancellationToken: Cancellation);
        ImageInvalidException error = Assert.Throws<ImageInvalidException>(() => file.Add(other, Cancellation));
        Assert.Contains("other.png", error.Message, StringComparison.Ordinal);
        file.Add(Make(8, 8, 2, 4), Cancellation);
        file.Complete();
        Assert.Equal(2, AnimationFrames.ReadGif(File.ReadAllBytes(_folder["film.gif"])).Images.Count);
    }

    [Fact]
    public void Nothing_is_left_of_an_animation_that_is_not_completed()
    {
        using (AnimationFile file = new(_folder["film.png"]))
        {
            file.Add(Make(8, 8, 1, 4), Cancellation);
            Assert.Single(Directory.EnumerateFileSystemEntries(_folder.Path));
        }

        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
        using AnimationFile empty = new(_folder["film.png"]);
        Assert.Throws<InvalidOperationException>(empty.Complete);
    }

    [Fact]
    public void An_existing_file_is_replaced_only_when_told()
    {
        File.WriteAllText(_folder["film.gif"], "mine");
        Assert.Throws<OutputExistsException>(() => new AnimationFile(_folder["film.gif"]));
        Write("film.gif", new AnimationOptions { Overwrite = true }, Make(8, 8, 1, 4));
        Assert.Single(Directory.EnumerateFileSystemEntries(_folder.Path));
        Assert.NotEqual("mine", File.ReadAllText(_folder["film.gif"]));
    }

    [Theory]
    [InlineData("film.jpg")]
    [InlineData("film")]
    public void Other_files_are_refused(string name) => Assert.Equal("Path", Assert.Throws<InvalidSettingException>(() => new AnimationFile(_folder[name])).Setting);

    [Fact]
    public void Settings_are_in_range()
    {
        Assert.Equal("Delay", Assert.Throws<InvalidSettingException>(static () => new AnimationOptions { Delay = 9 }).Setting);
        Assert.Equal("Delay", Assert.Throws<InvalidSettingException>(static () => new AnimationOptions { Delay = 60_001 }).Setting);
        Assert.Equal("Loop", Assert.Throws<InvalidSettingException>(static () => new AnimationOptions { Loop = -1 }).Setting);
        Assert.Equal("Loop", Assert.Throws<InvalidSettingException>(static () => new AnimationOptions { Loop = 65_536 }).Setting);
    }

    private string Write(string name, AnimationOptions? options, params DiffusionImage[] images)
    {
        using AnimationFile file = new(_folder[name], options);
        foreach (DiffusionImage image in images)
            file.Add(image, Cancellation);
        return file.Complete();
    }

    private static DiffusionImage Make(int width, int height, int seed, int levels)
    {
        Random random = new(seed);
        return new DiffusionImage(width, height, [.. Enumerable.Range(0, width * height * 3).Select(_ => (byte)(random.Next(levels) * (255 / (levels - 1))))]);
    }
}
