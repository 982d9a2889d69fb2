using System.Management.Automation;
using StableDiffusion.Images;
using StableDiffusion.Images.Metadata;

namespace SdPowerShell;

/// <summary>Takes files, images and what Get-DiffusionMetadata reads; anything else is left to the other parameters.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ImageInputAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData) =>
        ImageSetting.Unwrap(inputData) is FileSystemInfo or DiffusionImage or ImageMetadata
            ? inputData
            : throw new ArgumentTransformationMetadataException("A file, an image or an image's metadata is needed.", new PSInvalidCastException());
}
