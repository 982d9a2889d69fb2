namespace StableDiffusion.Running;

/// <summary>The parts of an open model that can be closed by themselves.</summary>
internal enum ModelPart
{
    /// <summary>The text encoders.</summary>
    TextEncoder,

    /// <summary>The U-Net, in all its forms, and the ControlNets.</summary>
    UNet,

    /// <summary>The encoder of the autoencoder.</summary>
    VaeEncoder,

    /// <summary>The decoder of the autoencoder.</summary>
    VaeDecoder,
}
