using System.Text.Json;
using StableDiffusion.Images;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>What A1111, diffusers and ComfyUI made of images with masks: <c>tests/data/masking</c>.</summary>
internal static class MaskingReference
{
    /// <summary>The ids of the cases of a file that are of a kind.</summary>
    public static TheoryData<string> Ids(string file, string kind) => [.. Cases(file).Where(item => item.GetProperty("kind").GetString() == kind).Select(static item => item.GetProperty("id").GetString()!)];

    /// <summary>A case.</summary>
    public static JsonElement Find(string file, string id) => Cases(file).Single(item => item.GetProperty("id").GetString() == id);

    /// <summary>A tensor of a case.</summary>
    public static Tensor Read(string file, JsonElement item, string field)
    {
        using SafetensorsFile tensors = SafetensorsFile.Open(Repository.Data("masking", $"{file}.safetensors"));
        return tensors.Read(item.GetProperty("tensors").GetProperty(field).GetString()!);
    }

    /// <summary>An image of a case, whose tensor is height, width, channel.</summary>
    public static DiffusionImage Image(string file, JsonElement item, string field)
    {
        Tensor values = Read(file, item, field);
        return new DiffusionImage(values.Shape[1], values.Shape[0], Bytes(values));
    }

    /// <summary>A mask of a case.</summary>
    public static MaskImage Mask(string file, JsonElement item, string field = "mask")
    {
        Tensor values = Read(file, item, field);
        return new MaskImage(values.Shape[1], values.Shape[0], Bytes(values));
    }

    /// <summary>The largest difference of bytes.</summary>
    public static int Difference(byte[] expected, byte[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        return expected.Zip(actual, static (a, b) => Math.Abs(a - b)).Max();
    }

    /// <summary>The mean difference of bytes.</summary>
    public static double MeanDifference(byte[] expected, byte[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        return expected.Zip(actual, static (a, b) => Math.Abs(a - b)).Average();
    }

    private static IEnumerable<JsonElement> Cases(string file)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Repository.Data("masking", $"{file}.json")));
        return document.RootElement.Clone().GetProperty("cases").EnumerateArray();
    }

    private static byte[] Bytes(Tensor values) => Array.ConvertAll(values.Values, static value => (byte)value);
}
