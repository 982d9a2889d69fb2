using StableDiffusion.Tensors.Torch;

namespace StableDiffusion.Tensors;

/// <summary>Opens tensor files of every supported format and reads tensors from them.</summary>
internal static class TensorFile
{
    /// <summary>The extensions of tensor files: safetensors, and those in use for PyTorch's files.</summary>
    internal static readonly string[] Endings = [".safetensors", ".ckpt", ".pt", ".pth", ".bin"];

    /// <summary>Whether a file has the extension of a tensor file. Its contents are not read.</summary>
    /// <param name="path">Its name or path.</param>
    /// <returns>True for the endings of safetensors and of PyTorch, in upper or lower case.</returns>
    public static bool HasKnownEnding(string path) => Endings.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase);

    /// <summary>
    /// Opens a tensor file. The format is detected from the first bytes, not from the name: safetensors, or the format of
    /// PyTorch's <c>torch.save</c> (<c>.ckpt</c>, <c>.pt</c>, <c>.bin</c>), of which no code is run.
    /// </summary>
    /// <param name="path">The path of the file.</param>
    /// <returns>The open file.</returns>
    /// <exception cref="ModelNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelInvalidException">The file is damaged, cannot be opened, or is not a tensor file; the message says which.</exception>
    /// <exception cref="UnsafeFileException">The file asks for code to be run.</exception>
    public static ITensorFile Open(string path)
    {
        RandomAccessFile file = RandomAccessFile.Open(path);
        ReadOnlySpan<byte> head = file.Head(ForeignFile.HeadLength);

        // First, since the length of its header may begin like a pickle.
        if (SafetensorsHeader.Recognises(head))
            return SafetensorsFile.Open(file);
        if (TorchFile.Recognises(head))
            return TorchFile.Open(file);

        ModelInvalidException error = ForeignFile.Refuse(file.Path, head);
        file.Dispose();
        throw error;
    }

    /// <summary>Reads a tensor as 32-bit floats.</summary>
    /// <param name="file">The file.</param>
    /// <param name="name">The tensor's name.</param>
    /// <returns>The values, in the shape that the file gives.</returns>
    /// <exception cref="ModelInvalidException">The file has no such tensor, or one of more than 2^31 values.</exception>
    public static Tensor Read(this ITensorFile file, string name)
    {
        ArgumentNullException.ThrowIfNull(file);
        StoredTensor tensor = file.Find(name);
        if (tensor.Count > Array.MaxLength)
            throw new ModelInvalidException($"Tensor '{name}' in '{file.Path}' has {tensor.Count} values, too many to read at once.");

        // The product of a shape may overflow int although a zero in it leaves no values.
        int[] shape = new int[tensor.Shape.Count];
        long count = 1;
        for (int axis = 0; axis < shape.Length; axis++)
        {
            count = tensor.Shape[axis] > int.MaxValue ? long.MaxValue : count * tensor.Shape[axis];
            if (count > int.MaxValue)
                throw new ModelInvalidException($"Tensor '{name}' in '{file.Path}' has the shape {tensor.ShapeText}, which is too large.");
            shape[axis] = (int)tensor.Shape[axis];
        }

        float[] values = GC.AllocateUninitializedArray<float>((int)tensor.Count);
        file.Read(name, values);
        return new Tensor(values, shape);
    }

    /// <summary>Returns the description of a tensor.</summary>
    internal static StoredTensor Find(this ITensorFile file, string name) => file.Tensors.TryGetValue(name, out StoredTensor? tensor)
        ? tensor
        : throw new ModelInvalidException($"'{file.Path}' has no tensor '{name}'.");
}
