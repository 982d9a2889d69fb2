using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Tensors;

public sealed class RandomAccessFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_that_becomes_shorter_gives_an_error_that_names_it()
    {
        string path = _folder["model.safetensors"];
        SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { ["weight"] = new Tensor(new float[100_000], 100_000) });
        using ITensorFile file = TensorFile.Open(path);
        using (FileStream other = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            other.SetLength(200);

        ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => file.Read("weight"));

        Assert.Equal($"'{path}' became shorter while it was read. Make sure that no other program writes to it, and try again.", error.Message);
    }

    [Fact]
    public void A_file_that_is_deleted_can_still_be_read()
    {
        string path = _folder["bytes"];
        File.WriteAllBytes(path, [1, 2, 3]);
        using RandomAccessFile file = RandomAccessFile.Open(path);
        if (!OperatingSystem.IsWindows())
            File.Delete(path);

        Assert.Equal([2, 3], file.Read(1, 2));
        Assert.Equal([1, 2, 3], file.Head(10));
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Read(2, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Read(-1, 2));
    }
}
