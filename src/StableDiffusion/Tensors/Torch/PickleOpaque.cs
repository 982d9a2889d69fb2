namespace StableDiffusion.Tensors.Torch;

/// <summary>A value that no tensor depends on: bytes, a set, a number of numpy. Its contents are not kept.</summary>
internal sealed class PickleOpaque
{
    private PickleOpaque()
    {
    }

    public static PickleOpaque Instance { get; } = new();
}
