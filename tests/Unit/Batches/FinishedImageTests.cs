using StableDiffusion.Batches;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;

namespace StableDiffusion.Tests.Batches;

public sealed class FinishedImageTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly DiffusionImage _image = new(3, 2, [.. Enumerable.Range(0, 18).Select(static value => (byte)(value * 14))], new GenerationInfo { Prompt = "a red house", Seed = 42, Steps = 20 });

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("a.png")]
    [InlineData("a.jpg")]
    [InlineData("a.webp")]
    public void The_record_is_read_and_the_pixels_when_they_are_asked_for(string file)
    {
        string path = Write(file);
        DiffusionImage whole = ImageFile.ReadWithSettings(path, TestContext.Current.CancellationToken);
        DiffusionImage found = FinishedImage.Read(path, TestContext.Current.CancellationToken);
        Assert.Equal((3, 2, path), (found.Width, found.Height, found.Path));
        Assert.Equal(_image.Info, found.Info);
        Assert.Equal(whole.Pixels, found.Pixels);
        Assert.Same(found.Pixels, found.Pixels);
        Assert.Equal(whole.Recorded, found.Recorded);

        found = FinishedImage.Read(path, TestContext.Current.CancellationToken);
        File.Delete(path);
        Assert.Equal("a red house", found.Prompt);
        Assert.Throws<ImageInvalidException>(() => found.Pixels);
    }

    [Theory]
    [InlineData("a.png")]
    [InlineData("a.jpg")]
    public void A_file_that_is_cut_off_anywhere_is_damaged(string file)
    {
        string path = Write(file);
        byte[] bytes = File.ReadAllBytes(path);
        for (int length = 0; length < bytes.Length; length++)
        {
            File.WriteAllBytes(path, bytes[..length]);
            DiffusionException error = Assert.ThrowsAny<DiffusionException>(() => FinishedImage.Read(path, TestContext.Current.CancellationToken));
            Assert.Contains(path, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_bit_that_is_wrong_in_the_record_is_found()
    {
        string path = Write("a.png");
        byte[] bytes = File.ReadAllBytes(path);
        int end = bytes.AsSpan().IndexOf("IDAT"u8) - sizeof(int);
        for (int position = 8; position < end; position++)
        {
            bytes[position] ^= 1;
            File.WriteAllBytes(path, bytes);
            Assert.ThrowsAny<DiffusionException>(() => FinishedImage.Read(path, TestContext.Current.CancellationToken));
            bytes[position] ^= 1;
        }
    }

    [Fact]
    public void A_file_without_a_record_is_refused()
    {
        string path = Write("a.png", new ImageWriteOptions { Metadata = false });
        OutputDiffersException error = Assert.Throws<OutputDiffersException>(() => FinishedImage.Read(path, TestContext.Current.CancellationToken));
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_was_replaced_by_another_size_is_not_read()
    {
        string path = Write("a.png");
        DiffusionImage found = FinishedImage.Read(path, TestContext.Current.CancellationToken);
        ImageFile.Write(new DiffusionImage(1, 1, new byte[3]), path, new ImageWriteOptions { Overwrite = true }, TestContext.Current.CancellationToken);
        Assert.Throws<ImageInvalidException>(() => found.Pixels);
    }

    private string Write(string file, ImageWriteOptions? options = null) => ImageFile.Write(_image, _folder[file], options, TestContext.Current.CancellationToken);
}
