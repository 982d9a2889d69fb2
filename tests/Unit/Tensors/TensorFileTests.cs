using System.Text;
using StableDiffusion.Tensors;
using StableDiffusion.Tensors.Torch;

namespace StableDiffusion.Tests.Tensors;

public sealed class TensorFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_is_recognised_by_what_it_holds_whatever_its_name()
    {
        string safetensors = _folder["model.ckpt"];
        SafetensorsWriter.Write(safetensors, new Dictionary<string, Tensor> { ["t"] = new Tensor([1, 2], 2) });
        using (ITensorFile file = TensorFile.Open(safetensors))
        {
            Assert.IsType<SafetensorsFile>(file);
            Assert.Equal([1, 2], file.Read("t").Values);
        }

        foreach (string name in (string[])["archive-protocol2.pt", "stream-protocol2.pt"])
        {
            string renamed = _folder[name + ".safetensors"];
            File.Copy(Repository.Data("torch", name), renamed);
            using ITensorFile file = TensorFile.Open(renamed);
            Assert.IsType<TorchFile>(file);
        }
    }

    [Theory]
    [InlineData(0x280)]
    [InlineData(0x480)]
    public void A_header_whose_length_begins_like_a_pickle_is_one_of_safetensors(int length)
    {
        string path = _folder["model.safetensors"];
        for (int note = length - 100; ; note++)
        {
            SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { ["t"] = new Tensor([1, 2], 2) }, new Dictionary<string, string> { ["note"] = new('a', note) });
            if (BitConverter.ToInt64(File.ReadAllBytes(path)) == length)
                break;
        }

        using ITensorFile file = TensorFile.Open(path);
        Assert.Equal([1, 2], file.Read("t").Values);
    }

    [Theory]
    [InlineData("", "an empty file")]
    [InlineData("<!DOCTYPE html>\n<html lang=\"en\">", "a web page")]
    [InlineData("\n  <HTML><head>", "a web page")]
    [InlineData("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code>", "an XML file")]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4265380512\n", "a Git LFS pointer")]
    [InlineData("{\"error\":\"Repository not found\"}", "a JSON file")]
    [InlineData("\u00EF\u00BB\u00BF [1, 2]", "a JSON file")]
    [InlineData("GGUF\u0003\0\0\0\0\0\0\0", "a GGUF or GGML file")]
    [InlineData("\u0008\u0008\u0012\u0007pytorch", "an ONNX graph")]
    [InlineData("\u0008\u0007:\u0001", "an ONNX graph")]
    [InlineData("\u0089HDF\r\n\u001A\n", "an HDF5 file")]
    [InlineData("\u0093NUMPY\u0001\0", "a NumPy array")]
    [InlineData("\u0089PNG\r\n\u001A\n", "an image")]
    [InlineData("\u00FF\u00D8\u00FF\u00E0", "an image")]
    [InlineData("7z\u00BC\u00AF\u0027\u001C", "a packed archive")]
    [InlineData("\u001F\u008B\u0008", "a packed archive")]
    [InlineData("Rar!\u001A\u0007", "a packed archive")]
    [InlineData("PK\u0005\u0006\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "zip archive")]
    [InlineData("\0\0\0\0\0\0\0\0\0\0\0\0", "a file of zeros")]
    [InlineData("import torch\n", "a file of unknown type")]
    [InlineData("c", "a file of unknown type")]
    public void What_holds_no_tensors_is_told_with_what_to_do(string start, string what)
    {
        string path = _folder["model.safetensors"];
        File.WriteAllBytes(path, Encoding.Latin1.GetBytes(start));

        ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => TensorFile.Open(path));

        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        Assert.Contains(what, error.Message, StringComparison.Ordinal);

        // The file is let go of.
        File.Delete(path);
    }

    [Fact]
    public void A_packed_folder_of_Unix_is_told()
    {
        string path = _folder["old.ckpt"];
        byte[] tar = new byte[1024];
        "model/"u8.CopyTo(tar);
        "ustar"u8.CopyTo(tar.AsSpan(257));
        File.WriteAllBytes(path, tar);

        Assert.Contains("a packed archive", Assert.Throws<ModelInvalidException>(() => TensorFile.Open(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_file_and_a_folder_are_named()
    {
        Assert.Contains(_folder["none"], Assert.Throws<ModelNotFoundException>(() => TensorFile.Open(_folder["none"])).Message, StringComparison.Ordinal);
        Assert.Contains(_folder.Path, Assert.Throws<ModelNotFoundException>(() => TensorFile.Open(_folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_shape_whose_product_leaves_the_numbers_is_refused_though_it_holds_nothing()
    {
        string path = _folder["x.safetensors"];
        byte[] header = Encoding.UTF8.GetBytes("""{"t":{"dtype":"U8","shape":[65536,65536,0],"data_offsets":[0,0]}}""");
        File.WriteAllBytes(path, [.. BitConverter.GetBytes((long)header.Length), .. header]);
        using ITensorFile file = TensorFile.Open(path);

        Assert.Throws<ModelInvalidException>(() => file.Read("t"));
    }
}
