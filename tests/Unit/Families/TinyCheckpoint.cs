using System.Runtime.InteropServices;
using StableDiffusion.Tensors;
using StableDiffusion.Tests.Pipelines;
using StableDiffusion.Tests.Tensors.Torch;

namespace StableDiffusion.Tests.Families;

/// <summary>The reference's tiny model of Stable Diffusion 1 as a single file, in the forms that people have.</summary>
internal static class TinyCheckpoint
{
    /// <summary>The file.</summary>
    public static string Path => FamilyReference.Find("sd1", "sd1-tiny.safetensors");

    /// <summary>Its bytes.</summary>
    public static byte[] Bytes() => File.ReadAllBytes(Path);

    /// <summary>The same model as PyTorch saves it.</summary>
    public static byte[] Pickle()
    {
        using SafetensorsFile file = SafetensorsFile.Open(Path);
        TorchWriter writer = new();
        PickledDictionary state = new(ordered: true);
        foreach (string name in file.Tensors.Keys)
        {
            Tensor tensor = file.Read(name);
            long[] shape = [.. tensor.Shape.Select(static axis => (long)axis)];
            long[] strides = new long[shape.Length];
            long stride = 1;
            for (int axis = shape.Length - 1; axis >= 0; axis--)
                (strides[axis], stride) = (stride, stride * shape[axis]);
            PickledId storage = writer.Storage("FloatStorage", stride, MemoryMarshal.AsBytes(tensor.Values.AsSpan()).ToArray());
            state.Add(name, TorchWriter.Tensor(storage, 0, shape, strides));
        }

        return writer.Archive(new PickledDictionary { { "state_dict", state } });
    }

    /// <summary>The same with a part of its tensors.</summary>
    /// <param name="left">Whether a tensor stays, by its name.</param>
    public static byte[] Only(Func<string, bool> left) => Write(left, metadata: null);

    /// <summary>The same model in bytes that no other file has.</summary>
    public static byte[] Unique() => Write(static _ => true, new Dictionary<string, string> { ["id"] = Guid.NewGuid().ToString() });

    /// <summary>The same with other values.</summary>
    /// <param name="change">Changes a tensor.</param>
    public static byte[] Changed(Action<Tensor> change)
    {
        using SafetensorsFile file = SafetensorsFile.Open(Path);
        Dictionary<string, Tensor> tensors = file.Tensors.Keys.ToDictionary(static name => name, file.Read);
        foreach (Tensor tensor in tensors.Values)
            change(tensor);
        MemoryStream bytes = new();
        SafetensorsWriter.Write(bytes, tensors);
        return bytes.ToArray();
    }

    private static byte[] Write(Func<string, bool> left, Dictionary<string, string>? metadata)
    {
        using SafetensorsFile file = SafetensorsFile.Open(Path);
        MemoryStream bytes = new();
        SafetensorsWriter.Write(bytes, file.Tensors.Keys.Where(left).ToDictionary(static name => name, file.Read), metadata);
        return bytes.ToArray();
    }
}
