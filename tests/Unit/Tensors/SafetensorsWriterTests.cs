using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Tensors;

public sealed class SafetensorsWriterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_written_is_read_back()
    {
        string path = _folder["x.safetensors"];
        Dictionary<string, Tensor> tensors = new()
        {
            ["wide \"name\" ü"] = new Tensor([1.5f, -2, float.NaN, float.PositiveInfinity, 5, 6], 1, 2, 3),
            ["empty"] = new Tensor(0, 4),
            ["a"] = new Tensor([float.Epsilon]),
        };

        SafetensorsWriter.Write(path, tensors, new Dictionary<string, string> { ["prompt"] = "a cat" });

        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.Equal("a cat", file.Metadata["prompt"]);
        Assert.Equal(tensors.Count, file.Tensors.Count);
        foreach ((string name, Tensor tensor) in tensors)
        {
            Assert.Equal(tensor.Shape, file.Read(name).Shape);
            Assert.Equal(tensor.Values, file.Read(name).Values);
        }
    }

    [Fact]
    public void The_same_tensors_make_the_same_bytes_and_values_start_at_a_multiple_of_eight()
    {
        Tensor one = new([1], 1);
        Tensor two = new([2], 1);
        using MemoryStream first = new();
        using MemoryStream second = new();

        SafetensorsWriter.Write(first, new Dictionary<string, Tensor> { ["x"] = one, ["y"] = two });
        SafetensorsWriter.Write(second, new Dictionary<string, Tensor> { ["y"] = two, ["x"] = one });

        Assert.Equal(first.ToArray(), second.ToArray());
        Assert.Equal(0, (first.Length - 8) % 8);
    }

    [Fact]
    public void A_file_is_replaced_whole()
    {
        string path = _folder["x.safetensors"];
        SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { ["old"] = new Tensor(100) });

        SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { ["new"] = new Tensor(1) });

        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.Equal(["new"], file.Tensors.Keys);
        Assert.Single(Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void A_write_that_fails_leaves_nothing()
    {
        // A folder of that name cannot be replaced by a file.
        string path = _folder["taken"];
        Directory.CreateDirectory(path);

        OutputWriteException error = Assert.Throws<OutputWriteException>(
            () => SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { ["x"] = new Tensor(1) }));

        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_folder.Path));
        Assert.Throws<OutputWriteException>(
            () => SafetensorsWriter.Write(_folder["no", "such", "x"], new Dictionary<string, Tensor> { ["x"] = new Tensor(1) }));
    }

    [Fact]
    public void A_tensor_cannot_take_the_metadatas_name()
    {
        Dictionary<string, Tensor> tensors = new() { ["__metadata__"] = new Tensor(1) };
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(_folder["x"], tensors));
        Assert.Empty(Directory.GetFiles(_folder.Path));
    }
}
