namespace StableDiffusion;

/// <summary>
/// What helps against an error, for a host that has a command for it. The message of the error already says the same in
/// words that fit every host.
/// </summary>
internal enum Remedy
{
    /// <summary>Only what the message says.</summary>
    None,

    /// <summary>Encode the prompt again.</summary>
    EncodePrompt,

    /// <summary>Make the latent with the same model.</summary>
    MakeLatent,

    /// <summary>Encode the image again, or start from the image.</summary>
    EncodeImage,

    /// <summary>Choose another device.</summary>
    ChooseDevice,

    /// <summary>Close the models that are open in this process and in others.</summary>
    CloseModels,

    /// <summary>Delete the cached graphs, so that they are built again.</summary>
    DeleteGraphs,

    /// <summary>Delete the files directly, since they do not belong to the library of models.</summary>
    DeleteFiles,

    /// <summary>Give the path of something that was named and is not in its folder.</summary>
    GivePath,

    /// <summary>Choose one of the schedulers of the catalog.</summary>
    ListSchedulers,

    /// <summary>Read the settings that an image file holds, even where its pixels cannot be read.</summary>
    ReadSettings,

    /// <summary>Keep the model without the test that it failed.</summary>
    SkipTest,

    /// <summary>Give the images that recorded stages begin with.</summary>
    GiveImages,

    /// <summary>Make a manifest of the folder.</summary>
    MakeManifest,

    /// <summary>Run the recorded stages as a script.</summary>
    WriteScript,
}
