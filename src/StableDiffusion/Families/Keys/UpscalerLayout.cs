namespace StableDiffusion.Families.Keys;

/// <summary>How the weights of an upscaler are named in a file.</summary>
internal enum UpscalerLayout
{
    /// <summary>As in BasicSR and Real-ESRGAN: <c>conv_first</c>, <c>body.0.rdb1.conv1</c>.</summary>
    Residual,

    /// <summary>As in BSRGAN: <c>conv_first</c>, <c>RRDB_trunk.0.RDB1.conv1</c>.</summary>
    Bsrgan,

    /// <summary>As in the first ESRGAN: <c>model.0</c>, <c>model.1.sub.0.RDB1.conv1.0</c>.</summary>
    Numbered,

    /// <summary>The compact network of Real-ESRGAN: <c>body.0</c>, <c>body.1</c>.</summary>
    Compact,
}
