namespace StableDiffusion.Tensors.Torch;

/// <summary>How the reader treats a function or class that a pickle names.</summary>
internal enum PickleGlobalKind
{
    /// <summary><c>collections.OrderedDict</c>.</summary>
    OrderedDictionary,

    /// <summary><c>torch.nn.ParameterDict</c>, which holds the vectors in the files of textual inversion's authors.</summary>
    ParameterDictionary,

    /// <summary>A function that creates a tensor with the element type of its storage.</summary>
    Tensor,

    /// <summary>A function that creates a tensor with the element type as an argument.</summary>
    TypedTensor,

    /// <summary>A function that makes a tensor a trainable parameter.</summary>
    Parameter,

    Storage,

    ElementType,

    /// <summary><c>torch.Size</c>, read as a tuple.</summary>
    Size,

    /// <summary>A function whose result no tensor depends on; the result is not kept.</summary>
    OpaqueCall,

    /// <summary>A class that is only named.</summary>
    OpaqueName,
}
